"""The metric that the user wrote: a Python function, named as `module:function`.

Its code runs in this process. Take such a name from the user's own command or configuration,
never from a file that somebody else wrote.
"""

from __future__ import annotations

import inspect
import math
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from typing import Any, final

from slearn.errors import InputError
from slearn.imported import import_named
from slearn.metrics.base import Metric
from slearn.values import Example

_HINT = "a metric takes (answer, target, row) or the first of these, and returns 0..1 or a bool"


@final
@dataclass(frozen=True)
class FunctionMetric(Metric):
    """Scores with a function of (answer, target or None, row), or of the first one or two.

    It is called once for every acceptable target, and the best score counts.

    >>> metric = FunctionMetric("short", lambda answer: len(answer) < 9, parameters=1)
    >>> metric.score("brief", Example("1", {}))
    1.0
    """

    name: str
    function: Callable[..., Any] = field(repr=False)
    parameters: int

    def score(self, answer: str, example: Example) -> float:
        """Call the function; raise InputError where it fails or returns no score in 0..1."""
        targets = (example.targets or (None,)) if self.parameters > 1 else (None,)
        return max(self._call(answer, target, example) for target in targets)

    def _call(self, answer: str, target: str | None, example: Example) -> float:
        try:
            with redirect_stdout(sys.stderr):  # what it prints is not what slearn says
                value = self.function(*(answer, target, dict(example.row))[: self.parameters])
            score = float(value) if hasattr(value, "__float__") else math.nan
        except (Exception, SystemExit) as error:
            fault = f"raised {type(error).__name__}: {error}"
            raise self._error(example, fault) from error
        if not 0.0 <= score <= 1.0:
            raise self._error(example, f"returned {value!r:.80}, not a number from 0 to 1")
        return score

    def _error(self, example: Example, fault: str) -> InputError:
        return InputError(f"{fault} (example {example.id})", where=self.name)


def function_metric(name: str) -> FunctionMetric:
    """Import the function named `module:function`, with the working directory importable.

    Raises InputError where the module, the function or a fitting signature is missing.

    >>> function_metric("operator:eq").score("a", Example("1", {}, ("b", "a")))
    1.0
    """
    function = import_named(name)
    return FunctionMetric(name, function, _parameters(function, name))


def _parameters(function: Any, name: str) -> int:
    """Return how many of the three arguments the function takes."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError) as error:
        raise InputError("is not a function with a signature", where=name, hint=_HINT) from error
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return 3
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    demanded = [p for p in parameters if p.default is p.empty and p.kind is not p.VAR_KEYWORD]
    if not positional or len(demanded) > 3 or any(p.kind is p.KEYWORD_ONLY for p in demanded):
        raise InputError("takes other arguments than a metric gets", where=name, hint=_HINT)
    return min(3, len(positional))
