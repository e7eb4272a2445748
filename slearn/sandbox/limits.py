"""What one call may take: always bounded, by numbers that can be reached."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import isfinite

from slearn.errors import InputError

# A limit that nothing reaches is none.
_MOST = {"seconds": 3600, "memory": 64 * 2**30, "output": 64 * 2**20}


@dataclass(frozen=True)
class Limits:
    """Bound what one call may take; there is no way to switch a limit off.

    `seconds` is wall time. `memory` is in bytes. `output` is in bytes too: of the text that is
    printed, and of the value written as JSON.

    >>> Limits(seconds=0.5).memory
    67108864
    """

    seconds: float = 2.0
    memory: int = 64 * 2**20
    output: int = 64 * 1024

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            kinds = (int, float) if name == "seconds" else (int,)
            if isinstance(value, bool) or not isinstance(value, kinds) or not isfinite(value):
                raise InputError(f"the limit of {name} is {value!r}, which is no number")
            if not 0 < value <= _MOST[name]:
                most = f"more than 0, at most {_MOST[name]:,}"
                raise InputError(f"the limit of {name} is {value}: it must be {most}")
