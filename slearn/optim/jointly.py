"""Several nodes learn at once: what one hands on, and what those behind it make of that.

A node alone can only hand on what the next one understands already, and that one can only learn
from what is handed on. So both are shown the same rows (the hidden words between two prompts are
inferred for both: deep language networks, Sordoni et al. 2023, arXiv 2306.12509), and what such an
agent then gets right becomes demonstrations of all its nodes (STaR, Zelikman et al. 2022).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

from slearn.agent import Agent, Demo, Node, Trajectory, last_asks
from slearn.grad import instead
from slearn.loss import RIGHT
from slearn.optim.base import Proposal
from slearn.optim.demos import balanced, by_target, demo_from, demo_of, within
from slearn.optim.edits import Edit, SetDemos
from slearn.optim.tries import LUCKY, rest, right_answers, row_tokens
from slearn.values import Example

_ROWS = 24  # that are tried, twice at most
_SPENT, _PART = 4000, 0.15  # tokens that this may take, about, and of the budget that is left
_FIRST = 12  # of the rows: where none of them is right, the others are not tried
_SHOWN, _ENOUGH = 12, 2  # demonstrations of each node: at most, and fewer teach nothing
_OFTEN = 0.75  # of a batch: an agent that is right so often shows what it does itself


def read_after(proposal: Proposal, node: Node, demos: Sequence[Demo]) -> tuple[Demo, ...]:
    """Return demonstrations of the last node: what it reads where a node writes what demos show.

    >>> # read_after(proposal, agent.node("notes"), demos)
    """
    agent, last, answer = proposal.agent, proposal.agent.last, node.output.answer.name
    if not demos or not by_target(last) or last.nearest:
        return ()
    seen = {one.example.id: one for one in proposal.trajectories}
    rows = [seen[demo.source] for demo in demos]
    taken = [
        instead(row.until(node.name), node, demo.output[answer])
        for row, demo in zip(rows, demos, strict=True)
    ]
    pairs = [(agent, [row.example for row in rows])]
    asks = last_asks(pairs, proposal.runner, proposal.watch, taken=taken)
    found = [
        demo_of(replace(row.example, inputs=own[0].inputs), last)
        for row, own in zip(rows, asks, strict=True)
        if own[0].node.name == last.name
    ]
    new = [demo for demo in found if demo is not None]
    return within([*new, *last.demos], last, proposal.engine.count_tokens) if new else ()


def learnt(proposal: Proposal, agent: Agent, name: str) -> tuple[list[Edit], bool]:
    """Return edits that show all nodes how an agent got rows right, and whether it is better.

    Its likeliest words are tried and then luck. Rows where the node `name` wrote the answer itself
    do not count: the others have nothing to learn of these. No edits where too little was right,
    and where the agent at hand is right often: it shows that itself (PassedDemos).

    >>> # edits, better = learnt(proposal, shown_both, "notes")
    """
    now = fmean(score >= RIGHT for score in proposal.scores)
    if now >= _OFTEN:
        return [], False
    shown = agent.sources()
    rows = [row for row in proposal.pool if row.targets and row.id not in shown]
    spent = min(_SPENT, _PART * proposal.left)
    rows = rows[: min(_ROWS, int(spent / (2 * row_tokens(proposal, agent))))]
    likely = right_answers(proposal, agent, rows[:_FIRST])
    if not likely:
        return [], False
    likely += right_answers(proposal, agent, rows[_FIRST:])
    found = likely + right_answers(proposal, agent, rest(rows, likely), LUCKY)
    own = [one for one in found if not says_answer(one, agent, name)]
    chosen = ordered(proposal, agent, own)[:_SHOWN]
    if len(chosen) < _ENOUGH:
        return [], False
    edits: list[Edit] = []
    for node in agent.nodes:
        demos = [demo for one in chosen if (demo := demo_from(one, node)) is not None]
        if demos and not node.nearest:
            edits.append(SetDemos(node.name, within(demos, node, proposal.engine.count_tokens)))
    return edits, len(likely) / len(rows) > now


def ordered(proposal: Proposal, agent: Agent, found: Sequence[Trajectory]) -> list[Trajectory]:
    """Return trajectories by chance, and in turn by their answers where these repeat.

    >>> # ordered(proposal, agent, found)
    """
    made = [demo for one in found if (demo := demo_from(one, agent.last)) is not None]
    by_id = {one.example.id: one for one in found}
    order = balanced(made, proposal.chance("learnt"))
    return [by_id[demo.source] for demo in order]


def says_answer(trajectory: Trajectory, agent: Agent, name: str) -> bool:
    """Say whether what a node handed on is the right answer itself, and nothing besides.

    >>> # says_answer(trajectory, agent, "notes")
    """
    step = trajectory.step_of(name)
    text = step.output[agent.node(name).output.answer.name] if step else ""
    return is_answer(text, trajectory.example)


def is_answer(text: str, example: Example) -> bool:
    """Say whether a text is a right answer and nothing besides.

    >>> is_answer("Nine.", Example("1", {}, ("nine",))), is_answer("4 + 5 = 9", Example("1", {}, ("9",)))
    (True, False)
    """  # noqa: E501
    plain = [one.strip().rstrip(".").casefold() for one in (text, *(example.targets or ()))]
    return plain[0] in plain[1:]
