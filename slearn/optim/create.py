"""Tools that are made: code that the model writes for a task, run before anybody believes in it.

A small model that cannot spell a word or count can often write the function that does. What it
writes is checked on train rows in the sandbox, where a wrong draft costs nothing but its writing;
what is left is given to the agent, shown by calls that led to right answers, and races like any
other candidate.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from slearn.agent import Agent, Demo, Node, ToolCall, Trajectory
from slearn.call import call
from slearn.engine import GREEDY, GenerateRequest, ToolRequest, ToolResult
from slearn.errors import InputError
from slearn.metrics import MEASURED, code_of, metric_named
from slearn.optim.base import Candidate, Optimizer, Proposal
from slearn.optim.demos import demo_from
from slearn.optim.edits import SetTools
from slearn.optim.helpers import HELPERS, Helper
from slearn.optim.tries import LUCKY, passed, rest, right_answers
from slearn.tools import code_grammar, tool_from_code
from slearn.values import Example, Tool, as_text

SOLVE = "solve"  # the name of a function that makes the answer
_TOKENS = 320  # of code
_DRAFTS, _MENDED, _ROUNDS = 4, 3, 2
_SHOWN = 6  # examples that the model sees
_CHECKED = 24  # rows that code is run on
_TRIED = 12  # rows that the agent answers with a helper
_LOOKED = 4  # the first of them
_FAILED = 3  # wrong calls that a mend is shown
_DEMOS = 4
_MORE = 0.05
_SOME = 0.25  # of the rows: a function that is right less often is a guess


@dataclass(frozen=True)
class Draft:
    """A tool and what it gave on some rows, with how many were right."""

    tool: Tool
    results: tuple[ToolResult, ...]
    right: tuple[bool, ...]

    @property
    def share(self) -> float:
        """The share of the rows that it gets right."""
        return sum(self.right) / len(self.right)


class CreateTool(Optimizer):
    """Writes a tool for the last node, of its own inputs or of what the agent reads out of them."""

    name = "create tool"

    def propose(self, proposal: Proposal) -> list[Candidate]:
        """Return the node with the best function of its inputs, and with the best other tool."""
        agent, node = proposal.agent, proposal.agent.last
        if not proposal.runner.runs_tools or agent.metric in MEASURED or len(agent.nodes) > 1:
            return []
        if node.tools or node.output.answer.type in ("call", "json"):
            return []
        shown = agent.sources()
        rows = [row for row in proposal.pool if row.targets and row.id not in shown]
        if len(rows) < 2:
            return []
        told, others = rows[:_SHOWN], rows[_SHOWN:]  # code may just repeat what it was shown
        checked = (others if len(others) >= _SHOWN else rows)[:_CHECKED]
        best = whole(proposal, node, told, checked)
        found = []
        if best is not None and best.share >= max(_SOME, commonest(checked)):
            demos = shown_calls(node, best, checked)
            found.append(self._given(proposal, node, best.tool, demos, "create tool"))
        if best is None or best.share < 1:
            found += self._helped(proposal, node, rows[:_TRIED])
        return found

    def _helped(self, proposal: Proposal, node: Node, rows: Sequence[Example]) -> list[Candidate]:
        """Return the node with the helper that led to the most right answers, if any did."""
        first = 2 * proposal.misses % len(HELPERS)
        agent = proposal.agent
        now = {trajectory.example.id for trajectory in passed(proposal)}
        best: tuple[int, Candidate] | None = None
        for job in (HELPERS + HELPERS)[first : first + 2]:
            tool = made(proposal, job)
            if tool is None:
                continue
            bare = self._given(proposal, node, tool, (), "create helper").agent
            # A few rows first: where they are answered no better than without it, it has no job here.
            right = right_answers(proposal, bare, rows[:_LOOKED])
            if len(right) <= sum(row.id in now for row in rows[:_LOOKED]):
                continue
            right += right_answers(proposal, bare, rows[_LOOKED:])
            if len(right) <= max(sum(row.id in now for row in rows), best[0] if best else 0):
                continue
            count, told = len(right), [one for one in right if grounded(agent, one)]
            if told and len(told) < _DEMOS:  # what the likeliest calls missed may come by luck
                lucky = right_answers(proposal, bare, rest(rows, right), LUCKY)
                told += [one for one in lucky if grounded(agent, one)]
            found = (demo_from(one, bare.last) for one in told[:_DEMOS])
            demos = tuple(demo for demo in found if demo is not None)
            if demos:
                best = count, self._given(proposal, node, tool, demos, "create helper")
        return [best[1]] if best else []

    def _given(
        self, proposal: Proposal, node: Node, tool: Tool, demos: tuple[Demo, ...], name: str
    ) -> Candidate:
        edit = SetTools(node.name, (tool,), demos, "required", 1)
        return self.candidate(proposal, [edit], name)


def grounded(agent: Agent, trajectory: Trajectory) -> bool:
    """Say whether the last call gave the answer: others teach that calls do not matter.

    >>> # grounded(agent, forward(agent, [example], engine)[0])
    """
    calls = trajectory.steps[-1].calls
    metric = metric_named(agent.metric)
    return bool(calls) and metric.score(calls[-1].result, trajectory.example) == 1


def whole(
    proposal: Proposal, node: Node, told: Sequence[Example], rows: Sequence[Example]
) -> Draft | None:
    """Return the best function of a node's inputs, after some rounds of mending; None without any.

    >>> # whole(proposal, node, rows[:6], rows).share
    """
    values = {
        "task": " ".join(node.instructions),
        "examples": asserted(SOLVE, node, told),
        "name": SOLVE,
        "head": head_of(node),
        "code": "",
        "failures": "",
    }
    found = drafts(proposal, node, written(proposal, values, _DRAFTS), rows)
    best = max(found, key=lambda one: one.share, default=None)
    for attempt in range(1, _ROUNDS + 1):
        hopeless = attempt > 1 and best is not None and not best.share
        if best is None or best.share == 1 or hopeless:
            break
        wrong = {"code": best.tool.code, "failures": failures(node, best, rows)}
        tools = written(proposal, {**values, **wrong}, _MENDED, attempt)
        best = max([best, *drafts(proposal, node, tools, rows)], key=lambda one: one.share)
    return best


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
    names = [name if name.isidentifier() else f"text{i}" for i, name in enumerate(node.inputs, 1)]
    return (
        tuple(names)
        if len(set(names)) == len(names)
        else tuple(f"text{i}" for i in range(1, len(names) + 1))
    )


def made(proposal: Proposal, job: Helper) -> Tool | None:
    """Return the tool that the model writes for a job, where it passes the job's checks.

    >>> # made(proposal, HELPERS[0]).name
    """
    values = {
        "task": job.purpose,
        "examples": job.examples(),
        "name": job.name,
        "head": job.head,
        "code": "",
        "failures": "",
    }
    tools = written(proposal, values, _DRAFTS // 2)
    told = [replace(tool, description=job.purpose) for tool in tools]
    for tool in told:
        found = proposal.runner.run_tools(job.requests(tool))
        wanted = [as_text(value) for _, value in job.checks]
        if all(got.ok and same(got.text, want) for got, want in zip(found, wanted, strict=True)):
            return tool
    return None


def same(text: str, wanted: str) -> bool:
    """Say whether a result is the one that a check wants; 14.0 is 14.

    >>> same("14.0", "14"), same("a", "b")
    (True, False)
    """
    try:
        return text == wanted or float(text) == float(wanted)
    except ValueError:
        return False


def written(
    proposal: Proposal, values: Mapping[str, str], drafts: int, attempt: int = 0
) -> list[Tool]:
    """Return the different tools that the model writes to a signature: parsed, and not yet run."""
    kind, engine = call("write_tool"), proposal.engine
    messages = kind.messages(values, engine.count_tokens)
    head = f"{values['name']}{values['head']}"
    grammar, chance = code_grammar(head), proposal.chance(f"write {head} {attempt}")
    requests = [
        GenerateRequest(
            messages,
            grammar,
            LUCKY if draft or attempt else GREEDY,
            chance.randrange(1 << 30),
            _TOKENS,
            where="trainer call 'write_tool'",
        )
        for draft in range(drafts)
    ]
    tools: dict[str, Tool] = {}
    for result in engine.generate(requests, proposal.watch):
        try:
            tool = tool_from_code(code_of(result.text))
        except InputError:  # cut off by its limit
            continue
        tools.setdefault(tool.code, tool)
    return list(tools.values())


def asserted(name: str, node: Node, rows: Sequence[Example]) -> str:
    """Return examples as calls of a function of the node's inputs.

    >>> asserted("f", Node("answer", ()), [Example("1", {"input": "cat"}, ("c a t",))])
    "f('cat') == 'c a t'"
    """
    lines = []
    for row in rows:
        values = ", ".join(repr(row.inputs[name][:240]) for name in node.inputs)
        lines.append(f"{name}({values}) == {(row.targets or ('',))[0][:120]!r}")
    return "\n".join(lines)


def drafts(
    proposal: Proposal, node: Node, tools: Sequence[Tool], rows: Sequence[Example]
) -> list[Draft]:
    """Run functions of a node's inputs on rows, and say where they give the target."""
    metric = metric_named(proposal.agent.metric)
    requests = [ToolRequest(tool, arguments(node, row)) for tool in tools for row in rows]
    results = iter(proposal.runner.run_tools(requests))
    found = []
    for tool in tools:
        own = tuple(next(results) for _ in rows)
        right = tuple(
            got.ok and metric.score(got.text, row) == 1 for got, row in zip(own, rows, strict=True)
        )
        found.append(Draft(tool, own, right))
    return found


def arguments(node: Node, row: Example) -> str:
    """Return a row's inputs as arguments of a function of a node's inputs."""
    values = [row.inputs[name] for name in node.inputs]
    return json.dumps(dict(zip(names_of(node), values, strict=True)), ensure_ascii=False)


def failures(node: Node, draft: Draft, rows: Sequence[Example]) -> str:
    """Return what a draft got wrong, as lines."""
    told: list[str] = []
    for row, got, right in zip(rows, draft.results, draft.right, strict=True):
        if not right and len(told) < _FAILED:
            values = ", ".join(repr(row.inputs[name][:120]) for name in node.inputs)
            target = (row.targets or ("",))[0][:120]
            told.append(
                f"{draft.tool.name}({values}) gives {got.text[:120]!r}, right is {target!r}"
            )
    return "\n".join(told)


def shown_calls(node: Node, draft: Draft, rows: Sequence[Example]) -> tuple[Demo, ...]:
    """Return demonstrations of calls that gave the target."""
    demos: list[Demo] = []
    for row, got, right in zip(rows, draft.results, draft.right, strict=True):
        if right and len(demos) < _DEMOS:
            made = ToolCall(draft.tool.name, arguments(node, row), got.text)
            answer = {node.output.answer.name: (row.targets or ("",))[0]}
            inputs = {name: row.inputs[name] for name in node.inputs}
            demos.append(Demo(inputs, answer, row.id, calls=(made,)))
    return tuple(demos) if len(node.output.fields) == 1 else ()
