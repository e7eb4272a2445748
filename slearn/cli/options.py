"""Options that several commands share, so that they are named and explained once."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import click

DEFAULT_STORE = Path(".slearn") / "store.duckdb"


class Finite(click.FloatRange):
    """A number within bounds: neither NaN nor infinite.

    >>> Finite(min=0).convert("0.5", None, None)
    0.5
    """

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number, or fail as click does."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return number


FILE = click.Path(path_type=Path)
COUNT = click.IntRange(min=1)
POSITIVE = Finite(min=0, min_open=True)

as_json = click.option("--json", "as_json", is_flag=True, help="Write JSON instead of text.")
inputs = click.option(
    "--input", "inputs", metavar="COL[,COL…]",
    help="What the agent reads.  [default: as data.json or the agent says]",
)  # fmt: skip
target = click.option(
    "--target", metavar="COL",
    help="The right answer.  [default: as data.json says, or target]",
)  # fmt: skip
choices = click.option(
    "--choices", metavar="COL",
    help="Each row's choices.  [default: as data.json says, or choices, if there]",
)  # fmt: skip
functions = click.option(
    "--functions", metavar="COL",
    help="Each row's functions.  [default: as data.json says, or functions, if there]",
)  # fmt: skip
store = click.option(
    "--store", type=FILE, metavar="FILE", default=DEFAULT_STORE, show_default=True,
    help="The store with the runs.",
)  # fmt: skip
model = click.option(
    "--model", metavar="M", required=True,
    help="A model's name (see `slearn models list`) or the path of a GGUF file.",
)  # fmt: skip
threads = click.option(
    "--threads",
    type=COUNT,
    metavar="N",
    help="Threads for the model.  [default: as tuned, or the cores]",
)
context = click.option(
    "--context", type=click.IntRange(min=64), metavar="N", default=8192, show_default=True,
    help="Tokens that the model's cache holds.",
)  # fmt: skip
sandbox = click.option(
    "--sandbox", type=click.Choice(["monty", "bwrap"]), default="monty", show_default=True,
    help="Where code of tools runs.",
)  # fmt: skip
max_memory = click.option(
    "--max-memory", type=COUNT, metavar="MB",
    help="Refuse models that may take more than this.  [default: what is free]",
)  # fmt: skip
