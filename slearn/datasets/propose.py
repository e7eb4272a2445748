"""Looks at examples and proposes an agent to start from: its metric and its output contract.

Only train and val are looked at, never test; every decision comes with its reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import NamedTuple

from slearn.agent import Agent, Contract, Field, Flow, Node
from slearn.datasets.answers import Answers, are_label_like, is_plain_number, look, words
from slearn.datasets.contracts import describe, open_field, text_field, unsayable, widen
from slearn.errors import DataError
from slearn.metrics import tests_of
from slearn.values import Example

LONG_INPUT = 600  # characters, about 150 tokens
_ROOMY = 200
_CODE = 800
_INSTRUCTIONS = {
    "choice": "Choose the right answer.",
    "number": "Answer with a number.",
    "set": "Answer with a list, separated by commas.",
}


class Decision(NamedTuple):
    """One thing that was decided, and why."""

    what: str
    why: str


@dataclass(frozen=True)
class Proposal:
    """An agent to start from, and how it came about.

    >>> propose([Example("1", {"input": "2+2"}, ("4",))], []).decisions[0]
    Decision(what='metric number', why='every target is a number')
    """

    agent: Agent
    decisions: tuple[Decision, ...]


def propose(
    train: Sequence[Example],
    val: Sequence[Example],
    *,
    name: str = "agent",
    metric: str | None = None,
    instruction: str = "",
    labels: tuple[str, ...] | None = None,
) -> Proposal:
    """Propose an agent of one node for the examples.

    `labels` are the choices that all rows share; rows with choices of their own carry them.

    >>> propose([Example("1", {"input": "2+2"}, ("4",))], []).agent.last.output.answer.type
    'number'

    Raises DataError where there is no example, or no contract can say a target.
    """
    if not train:
        raise DataError("there is no row to learn from")
    decisions: list[Decision] = []
    answers = look(train, val)
    chosen, why = _metric(train, answers, metric, labels)
    decisions.append(Decision(f"metric {chosen}", why))
    field, why = _field(train, answers, chosen, labels)
    decisions.append(Decision(f"answers are {describe(field)}", why))
    if field.type != "call":
        field = _wide_enough(field, [*train, *val], decisions)
    lines = tuple(line.strip() for line in instruction.splitlines() if line.strip())
    lines = lines or (_INSTRUCTIONS.get(chosen, "Answer."),)
    layout, why = _layout(train, lines)
    if why:
        decisions.append(Decision(f"layout {layout}", why))
    inputs = tuple(train[0].inputs)
    node = Node(_node_name(inputs), lines, inputs, Contract((field,)), layout=layout)
    return Proposal(Agent(name, (node,), Flow((node.name,)), chosen), tuple(decisions))


def _metric(
    train: Sequence[Example], answers: Answers, given: str | None, labels: tuple[str, ...] | None
) -> tuple[str, str]:
    if given is not None:
        return given, "you named it"
    if train[0].functions:
        return "call", "the rows bring functions"
    if all("assert" in "\n".join(tests_of(example)) for example in train):
        return "tests", "every row brings unit tests"
    if answers.kind == "none":
        return "judge", "no row has a target to compare with"
    if labels or train[0].choices:
        return "choice", "the data lists the choices"
    if answers.kind != "text":
        return answers.kind, answers.why
    texts = [text for example in train for text in example.targets or ()]
    short = sum(words(text) <= 4 for text in texts) >= 0.8 * len(texts)
    longest = max(map(words, texts))
    if short and longest <= 12 and not any("\n" in text for text in texts):
        return "exact", f"{answers.why}, mostly of up to 4 words"
    return "f1", f"{answers.why}, of up to {longest} words"


def _field(
    train: Sequence[Example], answers: Answers, metric: str, labels: tuple[str, ...] | None
) -> tuple[Field, str]:
    if train[0].functions:
        return Field(type="call"), "the rows bring functions"
    targets = [text for example in train for text in example.targets or ()]
    if metric == "tests":  # asked first: code needs its room where no row shows any, too
        return replace(text_field(targets, _CODE), multiline=True), "answers are code"
    if labels:
        return Field(type="choice", choices=labels), "the choices are the same in every row"
    if train[0].choices:
        return Field(type="choice"), "the choices differ from row to row"
    if answers.kind == "none":
        return open_field(), "no row shows how long an answer is"
    if metric in ("contains", "judge"):
        return text_field(targets, _ROOMY), f"the metric {metric} reads an answer around the target"
    limited = answers.kind == "choice" and metric not in ("f1", "set")
    if limited or (metric == "choice" and are_label_like(answers.labels)):
        return Field(type="choice", choices=answers.labels), answers.why
    if answers.kind in ("number", "choice") and all(map(is_plain_number, targets)):
        return Field(type="number"), "every target is a plain number"
    longest = max(map(len, targets))
    return text_field(targets), f"the longest target has {longest} characters, with room"


def _layout(train: Sequence[Example], lines: Sequence[str]) -> tuple[str, str]:
    """Put in front what pays: all rows share the instructions, all candidates a row's inputs."""
    size = median(sum(map(len, example.inputs.values())) for example in train)
    if size <= max(LONG_INPUT, sum(map(len, lines))):
        return "inputs-last", ""
    why = f"inputs are long (median {size:.0f} characters), and candidates share what stands first"
    return "inputs-first", why


def _wide_enough(field: Field, examples: list[Example], decisions: list[Decision]) -> Field:
    for _ in examples:
        example = unsayable(field, examples)
        if example is None:
            return field
        wider, done = widen(field, example)
        if wider == field:
            break
        field = wider
        decisions.append(Decision("contract widened", f"row {example.id}: {done}"))
    if (example := unsayable(field, examples)) is not None:
        target = (example.targets or ("",))[0][:60]
        raise DataError(f"no contract can say its target {target!r}", where=f"row {example.id}")
    return field


def _node_name(inputs: Sequence[str]) -> str:
    taken = {name.split(".")[0] for name in inputs}
    return next(name for name in ("answer", "reply", "output", "last") if name not in taken)
