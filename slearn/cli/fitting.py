"""Whether data and agent fit: targets that the output contract can say, and splits that are apart.

A target that cannot be said teaches nothing and its row can never be answered, so it is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from slearn.agent import Agent
from slearn.datasets import fit
from slearn.errors import DataError
from slearn.values import Example

TOO_MANY = 0.2
VERBATIM = ("exact", "choice", "number")  # metrics for which an answer has to be the target

Loaded = Mapping[str, list[Example]]


def sayable(
    loaded: Loaded, files: Mapping[str, Path], agent: Agent
) -> tuple[dict[str, list[Example]], str]:
    """Return the splits with only rows in train and val that the agent can get right, and a note.

    >>> sayable({"train": [Example("1", {})], "val": []}, {}, agent)[1]  # doctest: +SKIP
    ''

    The test rows stay as they are, and so do all rows under a metric that reads a target from an
    answer around it. What a user's own metric makes of a target is not known: nothing is done.

    Raises DataError where more than a fifth of a split cannot be said.
    """
    parts = dict(loaded)
    if ":" in agent.metric:
        return parts, ""
    counts: list[str] = []
    first = ""
    for name in ("train", "val"):
        parts[name], others = fits(agent, loaded[name])
        if not others:
            continue
        place, target = f"{files[name]}, row {others[0].id}", (others[0].targets or ("",))[0][:60]
        count = f"{len(others)} of {len(loaded[name])} {name} rows"
        if agent.metric not in VERBATIM:  # such an answer can be right without being the target
            parts[name] = loaded[name]
        elif len(others) > TOO_MANY * len(loaded[name]):
            raise DataError(
                f"the output contract cannot say its target {target!r}",
                where=place,
                hint=f"so it is with {count}; widen the contract or fix the data",
            )
        counts.append(count)
        first = first or f"{place}: {target!r}"
    if not counts:
        return parts, ""
    done = " left out:" if agent.metric in VERBATIM else ":"
    said = "the output contract cannot say their targets"
    return parts, f"warning: {', '.join(counts)}{done} {said} (first {first})"


def fits(agent: Agent, examples: list[Example]) -> tuple[list[Example], list[Example]]:
    """Return the rows with a target that one of the nodes that answer can say, and the others.

    >>> from slearn.agent import Flow, Node
    >>> fits(Agent("a", (Node("n", ()),), Flow(("n",))), [Example("1", {}, ("yes",))])[1]
    []
    """
    said: dict[str, Example] = {}
    others = examples
    for field in dict.fromkeys(agent.node(name).output.answer for name in agent.ends):
        found, others = fit(field, others)
        said.update((row.id, row) for row in found)
    if len(agent.ends) == 1:
        return found, others
    return [said[row.id] for row in examples if row.id in said], others


def overlap(loaded: Loaded) -> str:
    """Return a note where val or test rows have the very inputs of a train row, else nothing.

    >>> same = [Example("1", {"input": "hot"})]
    >>> overlap({"train": same, "val": same})
    'warning: 1 val row with the same inputs as a train row: the figures flatter'
    """
    seen = {_inputs(example) for example in loaded["train"]}
    counts = []
    for name in ("val", "test"):
        count = sum(_inputs(example) in seen for example in loaded.get(name, ()))
        if count:
            counts.append(f"{count} {name} row{'s' if count > 1 else ''}")
    if not counts:
        return ""
    return f"warning: {', '.join(counts)} with the same inputs as a train row: the figures flatter"


def _inputs(example: Example) -> frozenset[tuple[str, str]]:
    return frozenset(example.inputs.items())
