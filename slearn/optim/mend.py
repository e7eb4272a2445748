"""Mending: the code of a tool that is there, written anew from the calls that went wrong.

A mend is run before it may race: it has to get right what the old code got wrong on the calls of
the batch, and must not lose what that got right.
"""

from __future__ import annotations

import ast
import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

from slearn.agent import Node, ToolCall
from slearn.engine import ToolRequest
from slearn.loss import RIGHT
from slearn.metrics import MEASURED, metric_named
from slearn.optim.author import written
from slearn.optim.base import Candidate, Optimizer, Proposal
from slearn.optim.edits import RewriteTool
from slearn.values import Example, Tool

_DRAFTS, _ROUNDS = 4, 2
_TOLD = 3  # calls that went wrong, as the model sees them


@dataclass(frozen=True)
class Case:
    """A call of a tool on the way to an answer: the row, and whether both it and the answer did."""

    call: ToolCall
    example: Example
    right: bool


class MendTool(Optimizer):
    """Rewrites the code of a tool whose calls failed, or led to wrong answers."""

    name = "mend tool"

    def propose(self, proposal: Proposal) -> list[Candidate]:
        """Return one candidate a tool that could be mended."""
        if not proposal.runner.runs_tools:
            return []
        found = []
        for node in proposal.agent.nodes:
            for tool in node.tools:
                cases = cases_of(proposal, node, tool)
                if tool.code and any(not case.right for case in cases):
                    mended = mend(proposal, node, tool, cases)
                    if mended is not None:
                        one = self.candidate(proposal, [RewriteTool(node.name, mended)])
                        found.append(replace(one, tried=True))
        return found


def cases_of(proposal: Proposal, node: Node, tool: Tool) -> list[Case]:
    """Return the batch's calls of a node's tool, each arguments once."""
    found: dict[str, Case] = {}
    for trajectory, score in zip(proposal.trajectories, proposal.scores, strict=True):
        for step in trajectory.steps:
            for made in step.calls if step.node == node.name else ():
                if made.name == tool.name:
                    case = Case(made, trajectory.example, made.ok and score >= RIGHT)
                    found.setdefault(made.arguments, case)
    return list(found.values())


def mend(proposal: Proposal, node: Node, tool: Tool, cases: Sequence[Case]) -> Tool | None:
    """Return a tool with code that does better on the cases, None where no draft does.

    >>> # mend(proposal, node, tool, cases_of(proposal, node, tool)).code
    """
    direct = answers(proposal, node, tool)
    best, most = None, 0
    code, wrong = tool.code, [case for case in cases if not case.right]
    gives = {case.call.arguments: case.call.result for case in cases}
    # Of several calls for an answer, the first ones gave a part of it: there is nothing to lose.
    held = [
        case.right and good(proposal, case, case.call.result, case.call.ok, direct)
        for case in cases
    ]
    for attempt in range(_ROUNDS):
        values = {
            "task": tool.description or " ".join(node.instructions),
            "examples": "\n".join(told(case.call) for case in cases if case.right)[:400],
            "name": tool.name,
            "head": head_of_code(tool),
            "code": code,
            "failures": "\n".join(
                failure(tool, case, gives[case.call.arguments], direct) for case in wrong[:_TOLD]
            ),
        }
        for draft in written(proposal, values, _DRAFTS, attempt):
            new = replace(tool, code=draft.code)
            requests = [ToolRequest(new, case.call.arguments) for case in cases]
            results = proposal.runner.run_tools(requests)
            fine = [
                good(proposal, case, got.text, got.ok, direct)
                for case, got in zip(cases, results, strict=True)
            ]
            kept = all(now for now, had in zip(fine, held, strict=True) if had)
            gained = sum(now for now, case in zip(fine, cases, strict=True) if not case.right)
            if kept and gained > most:
                best, most, code = new, gained, draft.code
                texts = [got.text for got in results]
                gives = dict(zip((case.call.arguments for case in cases), texts, strict=True))
                pairs = zip(cases, fine, strict=True)
                wrong = [case for case, now in pairs if not now and not case.right]
        if not wrong:
            break
    return best


def answers(proposal: Proposal, node: Node, tool: Tool) -> bool:
    """Say whether a tool gives the agent's own answers: then a target says what is right."""
    if node != proposal.agent.last or proposal.agent.metric in MEASURED:
        return False
    steps = [t.end for t in proposal.trajectories if t.end.calls]
    last = [(s.calls[-1], s.output[node.output.answer.name]) for s in steps]
    own = [(made, said) for made, said in last if made.name == tool.name and made.ok]
    return not own or 2 * sum(made.result == said for made, said in own) >= len(own)


def good(proposal: Proposal, case: Case, text: str, ok: bool, direct: bool) -> bool:
    """Say whether a result is what it should be, as far as that is known."""
    if not ok:
        return False
    if direct and case.example.targets:
        return metric_named(proposal.agent.metric).score(text, case.example) >= RIGHT
    return text == case.call.result if case.right else not case.call.ok


def failure(tool: Tool, case: Case, gave: str, direct: bool) -> str:
    """Return what a call gave and what it should have given, as a line."""
    made = told(replace(case.call, name=tool.name, result=gave))
    if direct and case.example.targets:
        return f"{made}, right is {case.example.targets[0][:120]!r}"
    return made


def told(made: ToolCall) -> str:
    """Return a call and its result as a person writes them.

    >>> told(ToolCall("double", '{"n": 2}', "4"))
    'double(n=2) gives 4'
    """
    given = ", ".join(f"{name}={value!r}" for name, value in json.loads(made.arguments).items())
    return f"{made.name}({given[:160]}) gives {made.result[:120]}"


def head_of_code(tool: Tool) -> str:
    """Return the signature of a tool's code.

    >>> head_of_code(Tool("double", code="def double(n: int) -> int: return 2 * n"))
    '(n: int) -> int:'
    """
    with warnings.catch_warnings():  # of an escape, say
        warnings.simplefilter("ignore")
        body = ast.parse(tool.code).body
    functions = [node for node in body if isinstance(node, ast.FunctionDef)]
    own = next(node for node in reversed(functions) if node.name == tool.name)
    gives = f" -> {ast.unparse(own.returns)}" if own.returns else ""
    return f"({ast.unparse(own.args)}){gives}:"
