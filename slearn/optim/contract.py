"""The output contract as a weight: reason first, or answer at once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

from slearn.agent import Agent, Contract, Demo, Field, Node, Trajectory
from slearn.errors import ContextError
from slearn.loss import shortfall
from slearn.metrics import hopeful
from slearn.optim.base import Candidate, Optimizer, Proposal
from slearn.optim.blame import harmful
from slearn.optim.demos import demo_from
from slearn.optim.edits import SetContract, apply
from slearn.optim.taught import taught
from slearn.optim.tries import LUCKY, passed, rest, right_answers
from slearn.values import Example

REASONING = Field("reasoning", "text", max_chars=800, max_tokens=160, multiline=True)
# What the field is called steers what a small model writes: "reasoning" begins with "To determine
# how many …", "calculation" with the numbers (docs/lab.md).
WAYS = (REASONING, replace(REASONING, name="calculation"))
_TRIED = 12  # rows of the pool that are reasoned about to find demonstrations
_COMPARED = 8  # others, on which the ways are compared: writing is dear
_FEWEST = 3  # rows to compare on: fewer say nothing
# Nats that a part of another node costs an example. One that words its input anew costs some tenths
# at any rate; most planted faults cost more than this.
_SPOILS = -1.0
_SHOWN, _ENOUGH = 4, 2  # demonstrations: wanted, and enough not to try once more
_KEPT = 2


class ReasonFirst(Optimizer):
    """Switches the last node between answering at once and reasoning first, in one way or another.

    Reasoning is shown how it goes by the model itself: of what it wrote to some rows, what led to
    the right answer becomes demonstrations (bootstrapping, as in STaR, Zelikman et al. 2022). Where
    the data says why its targets are right, that is shown too.
    """

    name = "reason first"
    measures = True

    def propose(self, proposal: Proposal) -> list[Candidate]:
        """Return the other order, and the other way; with demonstrations and without any.

        None where another node is measured to spoil answers: reasoning about what it hands on is in
        vain, and dear.
        """
        node = proposal.agent.last
        if harmful(proposal, _SPOILS)[:1] not in ([], [node.name]):
            return []
        first, answer = node.output.fields[0], replace(node.output.answer, abstain=0.0)
        ways = {way.name for way in WAYS}
        able = answer.type != "json" and answer.name not in ways
        if len(node.output.fields) == 1 and able:
            return self._reasoning(proposal, WAYS)
        if f"{node.name}.{first.name}" in proposal.agent.read:  # somebody needs it
            return []
        if first.name in ways and len(node.output.fields) == 2:
            edit = SetContract(node.name, Contract((answer,)), answer_only(node))
            others = [way for way in WAYS if way.name != first.name]
            back = self.candidate(proposal, [edit], "answer at once")
            return [back, *self._reasoning(proposal, others)] if able else [back]
        return []

    def price(self, proposal: Proposal) -> float:
        """Return twice what it takes to reason about the first rows once, in every way.

        It is all counted from texts, and so the same in a run that was resumed. Answering at once
        is free, and of those that reason nobody asks for more than one other way.
        """
        agent, count = proposal.agent, proposal.engine.count_tokens
        seen = proposal.trajectories[:_TRIED]
        if not seen or len(agent.last.output.fields) > 1:
            return 0.0
        texts = [" ".join([*step.inputs.values(), step.text]) for one in seen for step in one.steps]
        prompts = 0
        for node in agent.nodes:
            shown = [text for demo in node.demos for text in demo.inputs.values()]
            shown += [node.output.render(demo.output) for demo in node.demos]
            prompts += count("\n".join([*node.instructions, *shown]))
        row = sum(map(count, texts)) / len(seen) + REASONING.max_tokens / 2
        return 2 * len(WAYS) * (prompts + _TRIED * row)

    def _reasoning(self, proposal: Proposal, ways: Sequence[Field]) -> list[Candidate]:
        """Return the best two of all ways as shown by the agent itself, and as taught.

        They are compared on rows that none of them shows. Writing is dear: where the agent is right
        now and then, a way that makes it right no more often, on the same rows, is not gone on
        with; and one with nothing to show is only where no way has anything.
        """
        node, count = proposal.agent.last, proposal.engine.count_tokens
        told, shown = proposal.agent.metric != "judge", proposal.agent.sources()
        usable = [row for row in proposal.pool if row.targets and row.id not in shown and told]
        third = len(usable) // 3
        split = third >= _FEWEST
        tried = usable[: min(_TRIED, third if split else len(usable))]
        fresh = usable[len(tried) :][: min(_COMPARED, third)] if split else []
        more = usable[len(tried) + len(fresh) :]
        met = {one.example.id for one in proposal.trajectories}
        ids = {row.id for row in tried}
        now = [one for one in passed(proposal) if one.example.id in ids]
        plain: list[Candidate] = []
        found: list[Candidate] = []
        for way in ways if fresh else ways[:1]:
            answer = replace(node.output.answer, abstain=0.0)  # it is about a call alone
            edit = SetContract(node.name, Contract((way, answer)))
            agent = apply(proposal.agent, edit)
            right = right_answers(proposal, agent, tried)
            if now and sum(one.example.id in met for one in right) <= len(now):
                continue
            plain.append(self.candidate(proposal, [edit]))
            sets = {
                "reason as taught": taught(more, agent.last, count),
                "reason as shown": reasoned(proposal, agent, tried, right),
            }
            made = {name: replace(edit, demos=demos) for name, demos in sets.items() if demos}
            found += [self.candidate(proposal, [one], name) for name, one in made.items()]
        if not fresh:
            return found + plain
        found = found or plain
        return best(proposal, found, fresh) if found else []


def best(
    proposal: Proposal, candidates: Sequence[Candidate], rows: Sequence[Example]
) -> list[Candidate]:
    """Return the candidate of each operator with the lowest shortfall on rows, the best two.

    Few rows tell more by what the right answers' chances were than by how many were right. One
    that would fall behind the incumbent even with some luck promises nothing: writing is dear.
    """
    field, watch = [proposal.agent, *(one.agent for one in candidates)], proposal.watch
    try:
        losses = proposal.measure(field, [rows] * len(field), proposal.runner, watch=watch)
    except ContextError:
        return list(candidates)[:_KEPT]  # the guards will say why
    old, *short = [list(map(shortfall, own)) for own in losses]
    ranked = sorted(range(len(candidates)), key=lambda place: fmean(short[place]))
    first: dict[str, Candidate] = {}
    for place in ranked:
        one = candidates[place]
        if hopeful(old, short[place]) <= 0 and one.operator not in first:
            first[one.operator] = replace(one, tried=fmean(short[place]) < fmean(old))
    return list(first.values())[:_KEPT]


def reasoned(
    proposal: Proposal, agent: Agent, rows: Sequence[Example], right: Sequence[Trajectory]
) -> tuple[Demo, ...]:
    """Return demonstrations of the last node from rows that an agent answers right.

    `right` are those that it got right with its likeliest words; the others are tried again with
    some luck, if there are too few. Of those that are right, the ones that came to the answer
    before they gave it are shown: others teach that what is written first does not matter. The
    first of them are shown to the tries that follow.
    """
    found, demos, good = list(right), list[Demo](), list[Demo]()
    for attempt, wanted in enumerate((_SHOWN, _ENOUGH, 0), 1):
        made = (demo_from(one, agent.last) for one in found)
        demos = [demo for demo in made if demo is not None]
        good = [demo for demo in demos if grounded(demo)]
        left = rest(rows, found)
        if len(good) >= wanted or not left:
            break
        luck = replace(proposal, seed=proposal.seed + attempt)
        shows = replace(agent.last, demos=tuple(good))
        found += right_answers(luck, agent.with_node(shows), left, LUCKY)
    return tuple((good or demos)[:_SHOWN])


def grounded(demo: Demo) -> bool:
    """Say whether a demonstration names its answer in a field before it.

    >>> grounded(Demo({}, {"reasoning": "54 / 18 = 3", "answer": "3"}))
    True
    >>> grounded(Demo({}, {"reasoning": "We divide 54 by 18.", "answer": "3"}))
    False
    """
    *before, answer = (text.casefold().replace(",", "") for text in demo.output.values())
    alone = rf"(?<![\w.]){re.escape(answer)}(?!\w|\.\d)"
    return bool(answer) and any(re.search(alone, text) for text in before)


def answer_only(node: Node) -> tuple[Demo, ...]:
    """Return a node's demos with nothing but their answers."""
    name = node.output.answer.name
    return tuple(replace(demo, output={name: demo.output[name]}) for demo in node.demos)
