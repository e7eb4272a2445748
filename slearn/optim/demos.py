"""Demonstrations: sets drawn from examples, from trajectories that passed, or edited by the model.

A demo of the answering node can be made from any example with a target whose inputs are known, if
the contract has no other field; demos of other nodes and of contracts with reasoning come from
trajectories that passed, because only those have the words in between.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from statistics import median_high
from typing import Any

from slearn.agent import (
    Agent,
    Demo,
    Node,
    Trajectory,
    inputs_text,
    last_asks,
)
from slearn.call import call
from slearn.engine import Sampling
from slearn.errors import ContextError
from slearn.optim.base import Candidate, Optimizer, Proposal
from slearn.optim.blame import faultiest
from slearn.optim.edits import AddDemo, DropDemo, Edit, MoveDemo, ReplaceDemo, SetDemos
from slearn.optim.excerpt import cut, tokens_of
from slearn.optim.lines import numbered
from slearn.optim.tries import LUCKY, graded, passed, rest, right_answers, row_tokens
from slearn.values import Example

_MOST = 32
_FEW = 2  # drafts where another node is to blame: they would fill the race
_WANTED = 4  # trajectories that passed
_GRADED = 8  # rows that are tried with luck where only a judge says what is good
_MORE = 24  # rows that are run through a chain for what its last node reads
_SPENT = 3000  # tokens that they may take
ROOM = 900  # tokens that demos may take: less than a prompt's cap, and read again for each rival


class DemoSets(Optimizer):
    """Draws sets of demonstrations: new ones, larger ones, and ones with some exchanged.

    Sets are balanced over the targets where these repeat: a set that forgets a label teaches the
    model to forget it.
    """

    name = "demos"

    def __init__(self, drafts: int = 6, sizes: tuple[int, ...] = (8, 16, 4)) -> None:
        self._drafts = drafts
        self._sizes = sizes  # the least; where targets repeat, as many of each as makes so many

    def propose(self, proposal: Proposal) -> list[Candidate]:
        """Return up to `drafts` candidates, each another set for the last node.

        Where another node is to blame they are few.
        """
        node = proposal.agent.last
        if node.nearest:  # `recall` has all that there are
            return []
        to_blame = faultiest(proposal) == node
        available = demos_for(proposal.agent, node, proposal)
        if to_blame or not node.demos:
            more = [demo_of(row, node) for row in gone_through(proposal)]
            count = proposal.engine.count_tokens
            available += [cut(demo, node, count) for demo in more if demo is not None]
        if not available:
            return []
        chance = proposal.chance(self.name)
        candidates: list[Candidate] = []
        for draft in range(self._drafts if to_blame else _FEW):
            demos, operator = self._draw(proposal, available, chance, draft)
            if demos and demos != node.demos:
                edit = SetDemos(node.name, demos)
                candidates.append(self.candidate(proposal, [edit], operator))
        return candidates

    def _draw(
        self, proposal: Proposal, available: Sequence[Demo], chance: random.Random, draft: int
    ) -> tuple[tuple[Demo, ...], str]:
        node = proposal.agent.last
        have = list(node.demos)
        known = {demo.source for demo in have if demo.source}
        others = [demo for demo in available if demo.source not in known]
        fresh = [demo for demo in balanced(others, chance) if demo not in have]
        if have and draft % 3 == 0 and len(have) < _MOST:
            more = fresh[: min(max(4, len(have)), _MOST - len(have))]
            grown = within([*have, *more], node, proposal.engine.count_tokens)
            return grown if len(grown) > len(have) else (), "more demos"
        if have and draft % 3 == 1:
            gone = least(proposal, max(1, len(have) // 3), chance)
            kept = [demo for index, demo in enumerate(have) if index not in gone]
            mixed = [*kept, *fresh[: len(gone)]]
            chance.shuffle(mixed)
            return within(mixed, node, proposal.engine.count_tokens), "exchange demos"
        counts = Counter(tuple(demo.output.values()) for demo in available)
        labels = len(counts)
        size = self._sizes[draft % len(self._sizes)]
        if 1 < labels <= min(_MOST, len(available) // 2):  # targets repeat
            each = min(math.ceil(size / labels), median_high(counts.values()))
            size = min(_MOST, labels * each)
        new = fresh[: max(size, len(have) if draft % 2 else size)]
        return within(new, node, proposal.engine.count_tokens), "new demos"


def gone_through(proposal: Proposal) -> list[Example]:
    """Return more rows of the pool with what the last node of a chain reads of them.

    A batch has few rows of a label. The nodes before the last run on as many as are cheap; of a
    flow with several ends, rows that go another way are left out.

    >>> # gone_through(proposal)[0].inputs
    """
    agent, seen = proposal.agent, proposal.trajectories
    if len(agent.nodes) == 1 or not seen or not by_target(agent.last):
        return []
    known = {one.example.id for one in seen} | agent.sources()
    rows = [row for row in proposal.pool if row.targets and row.id not in known]
    rows = rows[: min(_MORE, int(_SPENT / row_tokens(proposal, agent)))]
    try:
        asks = last_asks([(agent, rows)], proposal.runner, proposal.watch)
    except ContextError:  # no room for a row that is longer than the batch's
        return []
    firsts = zip(rows, (own[0] for own in asks), strict=True)  # of several that vote
    return [
        replace(row, inputs=ask.inputs) for row, ask in firsts if ask.node.name == agent.last.name
    ]


def within(demos: Sequence[Demo], node: Node, count: Callable[[str], int]) -> tuple[Demo, ...]:
    """Return the first demos, as many as fit into the room for them; at least one.

    Of long ones only what their answers depend on is left, so that several fit.

    >>> len(within([Demo({"input": "a"}, {"answer": "b"})], Node("n", ()), len))
    1
    """
    short = [cut(demo, node, count) for demo in demos]
    room, fit = ROOM, 0
    for demo in short:
        room -= tokens_of(demo, node, count)
        if room < 0:
            break
        fit += 1
    return tuple(short[: max(1, fit)])


def least(proposal: Proposal, count: int, chance: random.Random) -> set[int]:
    """Return the places of the last node's demos to give up: those that measurably help least.

    Chance decides where nothing was measured, and has a say where it was, so that drafts differ.
    """
    node = proposal.agent.last
    places = list(range(len(node.demos)))
    nats = {
        a.index: a.nats for a in proposal.attributions if (a.node, a.part) == (node.name, "demo")
    }
    if set(nats) != set(places):
        return set(chance.sample(places, count))
    among = sorted(places, key=nats.__getitem__)[: count + (count + 1) // 2]
    return set(chance.sample(among, count))


class PassedDemos(Optimizer):
    """Makes demonstrations of all nodes from trajectories that passed (bootstrapped few-shot).

    Where few did, what failed is tried once more with some luck.
    """

    name = "passed trajectories"

    def propose(self, proposal: Proposal) -> list[Candidate]:
        """Return one candidate whose nodes all show what worked; none if nothing passed."""
        agent = proposal.agent
        told = any(trajectory.example.targets for trajectory in proposal.trajectories)
        if told and len(agent.nodes) == 1 and len(agent.last.output.fields) == 1:
            return []  # there a demo from an example says the same
        if agent.metric == "judge" and not told:
            return self._best(proposal)
        right = passed(proposal)
        if len(right) < _WANTED:
            rows = rest([trajectory.example for trajectory in proposal.trajectories], right)
            right += right_answers(proposal, agent, rows, LUCKY)
        if not right:
            return []
        chosen = proposal.chance(self.name).sample(right, min(_WANTED, len(right)))
        return [self._showing(proposal, chosen)]

    def _best(self, proposal: Proposal) -> list[Candidate]:
        """Return one candidate that shows the best graded of two tries a row: nobody says better.

        Its own likeliest answers would teach it nothing, so rows count where luck did better.
        """
        shown = proposal.agent.sources()  # they would be answered as they are shown
        pairs = zip(proposal.trajectories, proposal.scores, strict=True)
        fresh = [(t.example, score) for t, score in pairs if t.example.id not in shown][:_GRADED]
        tried = graded(proposal, proposal.agent, [row for row, _ in fresh])
        gains = [
            (score - old, taken)
            for (taken, score), (_, old) in zip(tried, fresh, strict=False)
            if score > old
        ]
        gains.sort(key=lambda gain: -gain[0])
        chosen = [taken for _, taken in gains[:_WANTED]]
        return [self._showing(proposal, chosen)] if chosen else []

    def _showing(self, proposal: Proposal, chosen: Sequence[Trajectory]) -> Candidate:
        """Return the candidate whose nodes show what trajectories have for them."""
        count, edits = proposal.engine.count_tokens, list[Edit]()
        for node in proposal.agent.nodes:
            made = [demo for t in chosen if (demo := demo_from(t, node)) is not None]
            found = [cut(demo, node, count) for demo in made]
            fresh = [demo for demo in found if demo not in node.demos]
            kept = node.demos[max(0, len(node.demos) + len(fresh) - 8) :]
            demos = within([*fresh, *kept], node, count)
            edits.append(SetDemos(node.name, (*demos[len(fresh) :], *demos[: len(fresh)])))
        return self.candidate(proposal, edits)


class DemoEdits(Optimizer):
    """Has the model choose edits of the demonstrations from numbered examples."""

    name = "edit demos"

    def __init__(self, drafts: int = 1, shown: int = 8) -> None:
        self._drafts = drafts
        self._shown = shown

    def propose(self, proposal: Proposal) -> list[Candidate]:
        """Return one candidate a draft."""
        node = faultiest(proposal)
        available = demos_for(proposal.agent, node, proposal)
        chance = proposal.chance(self.name)
        offered = [d for d in balanced(available, chance) if d not in node.demos][: self._shown]
        if not offered or node.nearest:
            return []
        kind = call("edit_demos")
        have = list(range(1, len(node.demos) + 1))
        names = {
            "examples": list(range(1, len(offered) + 1)),
            "demos": have,
            "movable": have if len(have) > 1 else [],
        }
        values = {
            "node": node.name,
            "instructions": "\n".join(node.instructions),
            "demos": numbered([_shown(node, demo) for demo in node.demos]),
            "examples": numbered([_shown(node, demo) for demo in offered]),
            "changes": proposal.gradients[node.name].text(3),
        }
        requests = [
            kind.request(
                values,
                proposal.engine.count_tokens,
                names=names,
                sampling=Sampling(temperature=0.8, top_p=0.95),
                seed=chance.randrange(1 << 30),
            )
            for _ in range(self._drafts)
        ]
        candidates = []
        for result in proposal.engine.generate(requests, proposal.watch):
            said = kind.read(result)
            edits = read_demo_edits(node, offered, said["edits"]) if said else []
            if edits:
                candidates.append(self.candidate(proposal, edits))
        return candidates


def demos_for(agent: Agent, node: Node, proposal: Proposal) -> list[Demo]:
    """Return the demonstrations that can be made for a node this step.

    What the last node of a chain read is known where a trajectory went through it: whatever it made
    of that, the target is what it should have made. Long ones are cut.
    """
    count = proposal.engine.count_tokens
    return [cut(demo, node, count) for demo in _made_for(agent, node, proposal)]


def _made_for(agent: Agent, node: Node, proposal: Proposal) -> list[Demo]:
    if node == agent.last and by_target(node):
        single = len(agent.nodes) == 1
        rows = proposal.pool if single else [led_to(one, node) for one in proposal.trajectories]
        made = [demo_of(example, node) for example in rows]
        return [demo for demo in made if demo is not None]
    found = [demo_from(trajectory, node) for trajectory in passed(proposal)]
    return [demo for demo in found if demo is not None]


def by_target(node: Node) -> bool:
    """Say whether a target says all that a node should have returned."""
    return len(node.output.fields) == 1 and not node.tools


def demo_of(example: Example, node: Node) -> Demo | None:
    """Return the demonstration that an example with a target makes for a one-field node."""
    if not example.targets or any(name not in example.inputs for name in node.inputs):
        return None
    inputs = {name: example.inputs[name] for name in node.inputs}
    answer = {node.output.answer.name: example.targets[0]}
    return Demo(inputs, answer, example.id, **own(node, example))


def led_to(trajectory: Trajectory, node: Node) -> Example:
    """Return a trajectory's example with what a node read on the way for its inputs."""
    step = trajectory.step_of(node.name)
    return replace(trajectory.example, inputs=step.inputs if step else {})


def own(node: Node, example: Example) -> dict[str, Any]:
    """Return an example's choices and functions, where the node's contract leaves them to it."""
    answer = node.output.answer
    theirs = answer.type == "choice" and answer.choices is None
    return {
        "choices": example.choices if theirs else None,
        "functions": example.functions if answer.type == "call" else None,
    }


def demo_from(trajectory: Trajectory, node: Node) -> Demo | None:
    """Return the demonstration that a trajectory makes for a node it went through."""
    step = trajectory.step_of(node.name)
    if step is None or not step.valid:
        return None
    example = trajectory.example
    inputs = {name: step.inputs[name] for name in node.inputs}  # not what its roles said
    return Demo(inputs, dict(step.output), example.id, calls=step.calls, **own(node, example))


def balanced(demos: Sequence[Demo], chance: random.Random) -> list[Demo]:
    """Return demos in a random order that takes the targets in turn, where targets repeat."""
    groups: dict[tuple[str, ...], list[Demo]] = {}
    for demo in demos:
        groups.setdefault(tuple(demo.output.values()), []).append(demo)
    for group in groups.values():
        chance.shuffle(group)
    order: list[Demo] = []
    while groups:
        for key in chance.sample(sorted(groups), len(groups)):
            order.append(groups[key].pop())
            if not groups[key]:
                del groups[key]
    return order


def read_demo_edits(node: Node, offered: list[Demo], said: list[dict[str, Any]]) -> list[Edit]:
    """Turn the model's numbered choices into edits; numbers are those that the model saw."""
    edits: list[Edit] = []
    order = list(range(1, len(node.demos) + 1))
    used: set[int] = set()
    for entry in said:
        example = entry.get("example")
        if example in used:
            continue
        match entry["op"]:
            case "add":
                edits.append(AddDemo(node.name, offered[entry["example"] - 1]))
                order.append(-1)
            case "drop" if entry["demo"] in order:
                edits.append(DropDemo(node.name, order.index(entry["demo"])))
                order.remove(entry["demo"])
            case "replace" if entry["demo"] in order:
                place = order.index(entry["demo"])
                edits.append(ReplaceDemo(node.name, place, offered[entry["example"] - 1]))
                order[place] = -1
            case "move" if entry["demo"] in order and entry["to"] in order:
                if entry["demo"] != entry["to"]:
                    start, end = order.index(entry["demo"]), order.index(entry["to"])
                    edits.append(MoveDemo(node.name, start, end))
                    order.insert(end, order.pop(start))
        if example is not None:
            used.add(example)
    return edits


def _shown(node: Node, demo: Demo) -> str:
    return f"{inputs_text(node, demo.inputs)[:200]} => {node.output.render(demo.output)[:120]}"
