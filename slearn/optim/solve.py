"""Functions of a node's inputs whose value is the answer: written from examples, run, mended.

A small model that cannot spell a word can often write the function that does. Its code runs on
train rows that it was not shown, where a wrong draft costs nothing but its writing, and comes back
with the calls that it got wrong.
"""

from __future__ import annotations

import json
import keyword
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from slearn.agent import Demo, Node, ToolCall
from slearn.engine import ToolRequest, ToolResult
from slearn.metrics import metric_named
from slearn.optim.author import written
from slearn.optim.base import Proposal
from slearn.optim.demos import own
from slearn.values import Example, Tool

SOLVE = "solve"  # the name of such a function
_NAME = re.compile(r"_?[A-Za-z][A-Za-z0-9_]{0,23}")  # as the grammar of code writes names
_DRAFTS, _LINES, _MENDED, _ROUNDS = 4, 8, 3, 2
_UNTOLD, _FEW = 40, 4  # drafts of a line that see nothing but examples, and how many of these
_BRIEF = 80  # characters of an answer
SOME = 0.25  # of the rows: a function that is right less often is a guess
_FEWEST = 3  # rows to check a mended function on
_LOOKED = 3  # rows that all drafts are run on
_FAILED = 3  # wrong calls that a mend is shown
DEMOS = 4  # calls that are shown with a new tool
_MORE = 0.05


@dataclass(frozen=True)
class Draft:
    """A tool and what it gave on some rows, and whether that was right."""

    tool: Tool
    rows: tuple[Example, ...]
    results: tuple[ToolResult, ...]
    right: tuple[bool, ...]

    @property
    def share(self) -> float:
        """The share of the rows that it gets right."""
        return sum(self.right) / len(self.right)

    def on(self, places: Sequence[int]) -> Draft:
        """Return the draft as it did on some of its rows."""
        rows, results = (
            tuple(self.rows[i] for i in places),
            tuple(self.results[i] for i in places),
        )
        return Draft(self.tool, rows, results, tuple(self.right[i] for i in places))


def whole(
    proposal: Proposal, node: Node, told: Sequence[Example], rows: Sequence[Example]
) -> Draft | None:
    """Return the best function of a node's inputs, after some rounds of mending; None without any.

    Rows that a round was shown count no more: code may just repeat them.

    >>> # whole(proposal, node, rows[:6], rows).share
    """
    values = {
        "task": " ".join(node.instructions),
        "examples": doctests(SOLVE, node, told),
        "name": SOLVE,
        "head": head_of(node),
        "code": "",
        "failures": "",
    }
    tools = written(proposal, values, _DRAFTS, lines=_LINES)
    found = drafts(proposal, node, tools, rows)
    best = max(found, key=lambda one: one.share, default=None)
    if (best is None or best.share < SOME) and brief(told):  # the instructions may lead astray
        untold = {**values, "task": "", "examples": doctests(SOLVE, node, told[:_FEW])}
        tools = written(proposal, untold, 0, lines=_UNTOLD)
        found = drafts(proposal, node, tools, rows)
        best = max([*filter(None, [best]), *found], key=lambda one: one.share, default=None)
    for attempt in range(1, _ROUNDS + 1):
        if best is None or best.share == 1:
            break
        wrong = [place for place, right in enumerate(best.right) if not right][:_FAILED]
        others = [place for place in range(len(best.rows)) if place not in wrong]
        if len(others) < _FEWEST:
            break
        shown = {"code": best.tool.code, "failures": failures(node, best.on(wrong))}
        tools = written(proposal, {**values, **shown}, _MENDED, attempt)
        old = best.on(others)
        mended = max([old, *drafts(proposal, node, tools, old.rows)], key=lambda one: one.share)
        if mended is old:
            break
        best = mended
    return best


def brief(rows: Sequence[Example]) -> bool:
    """Say whether right answers are short: what is longer is written, and seldom computed.

    >>> brief([Example("1", {}, ("c a t",))]), brief([Example("1", {}, ("word " * 99,))])
    (True, False)
    """
    return median(len((row.targets or ("",))[0]) for row in rows) <= _BRIEF


def commonest(rows: Sequence[Example]) -> float:
    """Return the share of rows that one and the same answer is right for, and a little more.

    >>> commonest([Example(str(n), {}, ("yes",)) for n in range(2)])
    1.05
    """
    counts = Counter(target for row in rows for target in row.targets or ())
    return max(counts.values()) / len(rows) + _MORE if counts else 1.0


def head_of(node: Node) -> str:
    """Return the signature of a function of a node's inputs.

    >>> head_of(Node("answer", ()))
    '(text: str) -> str:'
    """
    kind = "float" if node.output.answer.type == "number" else "str"
    return f"({', '.join(f'{name}: str' for name in names_of(node))}) -> {kind}:"


def names_of(node: Node) -> tuple[str, ...]:
    """Return the parameters that stand for a node's inputs: their names, where Python allows."""
    if len(node.inputs) == 1:
        return ("text",)
    names = [name if writable(name) else f"text{i}" for i, name in enumerate(node.inputs, 1)]
    return (
        tuple(names)
        if len(set(names)) == len(names)
        else tuple(f"text{i}" for i in range(1, len(names) + 1))
    )


def writable(name: str) -> bool:
    """Say whether a name can stand in code as the grammar has it.

    >>> writable("context"), writable("class"), writable("größe")
    (True, False, False)
    """
    return bool(_NAME.fullmatch(name)) and not keyword.iskeyword(name)


def doctests(name: str, node: Node, rows: Sequence[Example]) -> str:
    """Return examples as calls of a function of the node's inputs, as doctest has them.

    >>> doctests("f", Node("answer", ()), [Example("1", {"input": "cat"}, ("c a t",))])
    ">>> f('cat')\\n'c a t'"
    """
    lines = []
    for row in rows:
        values = ", ".join(repr(row.inputs[name][:240]) for name in node.inputs)
        lines.append(f">>> {name}({values})\n{(row.targets or ('',))[0][:120]!r}")
    return "\n".join(lines)


def drafts(
    proposal: Proposal, node: Node, tools: Sequence[Tool], rows: Sequence[Example]
) -> list[Draft]:
    """Run functions of a node's inputs on rows, and say where they give the target.

    One that fails on all of the first rows is not run on the others: it may fail by its time.
    """
    metric = metric_named(proposal.agent.metric)
    looks = ran(proposal, node, tools, rows[:_LOOKED])
    alive = [tool for tool, look in zip(tools, looks, strict=True) if any(got.ok for got in look)]
    others = dict(zip(alive, ran(proposal, node, alive, rows[_LOOKED:]), strict=True))
    found = []
    for tool, look in zip(tools, looks, strict=True):
        gave = look + others.get(tool, look[-1:] * (len(rows) - len(look)))
        right = tuple(
            got.ok and metric.score(got.text, row) == 1 for got, row in zip(gave, rows, strict=True)
        )
        found.append(Draft(tool, tuple(rows), gave, right))
    return found


def ran(
    proposal: Proposal, node: Node, tools: Sequence[Tool], rows: Sequence[Example]
) -> list[tuple[ToolResult, ...]]:
    """Return what each tool gives for each row."""
    requests = [ToolRequest(tool, arguments(node, row)) for tool in tools for row in rows]
    results = iter(proposal.runner.run_tools(requests))
    return [tuple(next(results) for _ in rows) for _ in tools]


def arguments(node: Node, row: Example) -> str:
    """Return a row's inputs as arguments of a function of a node's inputs."""
    values = [row.inputs[name] for name in node.inputs]
    return json.dumps(dict(zip(names_of(node), values, strict=True)), ensure_ascii=False)


def failures(node: Node, draft: Draft) -> str:
    """Return what a draft gave, and what it should have given, as lines."""
    told: list[str] = []
    for row, got in zip(draft.rows, draft.results, strict=True):
        values = ", ".join(repr(row.inputs[name][:120]) for name in node.inputs)
        target = (row.targets or ("",))[0][:120]
        told.append(f"{draft.tool.name}({values}) gives {got.text[:120]!r}, right is {target!r}")
    return "\n".join(told)


def shown_calls(node: Node, draft: Draft) -> tuple[Demo, ...]:
    """Return demonstrations of calls that gave the target."""
    demos: list[Demo] = []
    for row, got, right in zip(draft.rows, draft.results, draft.right, strict=True):
        if right and len(demos) < DEMOS:
            made = ToolCall(draft.tool.name, arguments(node, row), got.text)
            answer = {node.output.answer.name: (row.targets or ("",))[0]}
            inputs = {name: row.inputs[name] for name in node.inputs}
            demos.append(Demo(inputs, answer, row.id, calls=(made,), **own(node, row)))
    return tuple(demos) if len(node.output.fields) == 1 else ()
