"""Wanted outputs: what a node before the last should have handed on, by measure and not by opinion.

Nobody says what is right for such a node. But of several outputs the best is the one after which
the rest of the agent finds the right answer likeliest, and that can be measured: the node is shown
such outputs. It is bootstrapping (PassedDemos) where nothing passed yet.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from slearn.agent import Agent, Ask, Demo, Field, Node, Step, Trajectory, inputs_text, take
from slearn.call import call
from slearn.engine import GREEDY
from slearn.errors import ContextError
from slearn.grad import instead
from slearn.loss import LIKELY, losses_after, shortfall
from slearn.optim.base import Candidate, Optimizer, Proposal
from slearn.optim.blame import by_blame
from slearn.optim.demos import balanced, own, within
from slearn.optim.edits import Edit, SetDemos
from slearn.optim.excerpt import sentences_around
from slearn.optim.jointly import is_answer, learnt, read_after
from slearn.optim.tries import LUCKY
from slearn.values import Example

_WORST, _BEST = 4, 2  # rows: errors alone would show a one-sided picture
_SHOWN = 6
_BETTER = 0.3  # of shortfall, 0 to 2: what an output must win to be worth showing
_CHOICES = 12

Weighed = tuple[Example, Step, Sequence[tuple[float, str]]]  # what was tried, with its losses


class Wanted(Optimizer):
    """Shows the most blamed of the nodes before the last what it should have written.

    `together` shows the last node too what it will then read.
    """

    name = "wanted outputs"
    measures = True

    def __init__(self, together: bool = True) -> None:
        self._together = together

    def propose(self, proposal: Proposal) -> list[Candidate]:
        """Return candidates: the node alone shown this, with what it had, and the last one too."""
        agent = proposal.agent
        blamed = [agent.node(name) for name in by_blame(proposal) if hands_on(agent, name)]
        if not blamed:
            return []
        node = blamed[proposal.misses % len(blamed)]
        try:
            best, led, way = wanted_sets(proposal, node)
            both = self._both(proposal, node, way)
        except ContextError:  # no room for what was tried
            return []
        new = {demo.source for demo in best}
        kept = tuple(demo for demo in node.demos if demo.source not in new)
        more = (*kept, *best) if best and kept else ()
        sets = [demos for demos in (best, () if both else led, more) if demos]
        made = [self.candidate(proposal, [SetDemos(node.name, demos)]) for demos in sets]
        # What the first shows, and nothing else, was measured to be better than all others.
        return [*(replace(one, tried=not place) for place, one in enumerate(made)), *both]

    def _both(self, proposal: Proposal, node: Node, demos: tuple[Demo, ...]) -> list[Candidate]:
        """Return candidates that show the last node too, and what such an agent gets right."""
        read = read_after(proposal, node, demos) if self._together else ()
        if not read:
            return []
        edits: list[Edit] = [SetDemos(node.name, demos), SetDemos(proposal.agent.last.name, read)]
        # Measured as well as what is shown without the last node.
        both = replace(self.candidate(proposal, edits, "handed on and read"), tried=True)
        further, better = learnt(proposal, both.agent, node.name)
        if not further:
            return [both]
        learned = self.candidate(proposal, further, "got right together")
        return [replace(learned, tried=better), both]


def hands_on(agent: Agent, name: str) -> bool:
    """Say whether a node stands before the last and returns one text, number or choice."""
    output = agent.node(name).output
    kinds = ("text", "number", "choice")
    if agent.node(name).roles:  # what it reads is more than its inputs
        return False
    return name not in agent.ends and len(output.fields) == 1 and output.answer.type in kinds


def wanted(proposal: Proposal, node: Node) -> tuple[Demo, ...]:
    """Return demonstrations of a node: outputs after which the right answers became likely.

    None where nothing that was tried is better than what the node writes.

    >>> # wanted(proposal, agent.node("notes"))
    """
    return wanted_sets(proposal, node)[0]


def wanted_sets(
    proposal: Proposal, node: Node
) -> tuple[tuple[Demo, ...], tuple[Demo, ...], tuple[Demo, ...]]:
    """Return three such sets: the best outputs, the best that are no answers, and the nearest.

    Nothing leads to an answer as surely as the answer itself does. But a node that shall write it
    at once has to do what all of the agent was made for; what is on the way to it may be easier to
    learn. The second set is empty where it would be the first one again. The third has what leads
    nearest to the answer, however near that is: those behind the node may have to learn to read it.

    >>> # best, on_the_way, nearest = wanted_sets(proposal, agent.node("notes"))
    """
    shown = proposal.agent.sources()
    pairs = [
        (trajectory, score)
        for trajectory, score in zip(proposal.trajectories, proposal.scores, strict=True)
        if trajectory.example.targets
        and trajectory.example.id not in shown
        and trajectory.until(node.name)
    ]
    ranked = sorted(pairs, key=lambda pair: pair[1])
    tried = [trajectory for trajectory, _ in [*ranked[:_WORST], *ranked[_WORST:][-_BEST:]]]
    if not tried:
        return (), (), ()
    begun = [trajectory.until(node.name) for trajectory in tried]
    olds = [steps[-1] for steps in begun]
    drafts = _drafts(proposal, node, tried, olds)
    outputs = [list(dict.fromkeys(texts)) for texts in zip(*drafts, strict=True)]
    tries = [
        (trajectory.example, instead(steps, node, text))
        for trajectory, steps, texts in zip(tried, begun, outputs, strict=True)
        for text in texts
    ]
    examples, taken = [example for example, _ in tries], [steps for _, steps in tries]
    losses = iter(losses_after(proposal.agent, examples, taken, proposal.runner, proposal.watch))
    weighed = [
        (trajectory.example, old, [(next(losses), text) for text in texts])  # its own output first
        for trajectory, old, texts in zip(tried, olds, outputs, strict=True)
    ]
    best = _best(proposal, node, weighed)
    led = [
        (example, old, [found[0], *(one for one in found[1:] if not is_answer(one[1], example))])
        for example, old, found in weighed
        if not is_answer(found[0][1], example)
    ]
    on_the_way = _best(proposal, node, led)
    if all(demo in best for demo in on_the_way):
        on_the_way = ()
    return best, on_the_way, _best(proposal, node, led, math.inf, 0.0)


def _best(
    proposal: Proposal,
    node: Node,
    weighed: Sequence[Weighed],
    most: float = LIKELY,
    better: float = _BETTER,
) -> tuple[Demo, ...]:
    """Return demonstrations of the best of the outputs that were weighed for each row.

    Those count after which the answer has at `most` so many nats; none where none is `better`. What
    the node wrote itself counts only where it led to the answer.
    """
    demos, gained = list[Demo](), False
    for example, old, found in weighed:
        least, text = min(found, key=lambda one: one[0])
        other = text != found[0][1]
        if least < most and (other or least < LIKELY):
            gained |= other and shortfall(found[0][0]) - shortfall(least) >= better
            demos.append(_demo(old, node, text, example))
    chosen = balanced(demos, proposal.chance("wanted"))[:_SHOWN]
    return within(chosen, node, proposal.engine.count_tokens) if gained else ()


def _drafts(
    proposal: Proposal, node: Node, tried: Sequence[Trajectory], olds: Sequence[Step]
) -> list[Sequence[str]]:
    """Return drafts of the node's output for every trajectory; the first is its own."""
    field = node.output.answer
    drafts = [[old.output[field.name] for old in olds]]
    if field.type == "choice" and field.choices and len(field.choices) <= _CHOICES:
        return [*drafts, *([choice] * len(tried) for choice in field.choices)]
    plain = replace(node, demos=())
    ways = [(node, LUCKY), (plain, GREEDY), (plain, LUCKY)] if node.demos else [(node, LUCKY)]
    for way, sampling in ways:
        asks = [
            Ask(way, one.example, old.inputs, sampling, proposal.seed)
            for one, old in zip(tried, olds, strict=True)
        ]
        steps = take(asks, proposal.runner, proposal.watch)
        drafts.append([step.output[field.name] for step in steps])
    if field.type == "text":
        others = [*guesses(proposal, node, tried, olds)]
        others.append([inputs_text(node, old.inputs) for old in olds])
        others.append([(one.example.targets or ("",))[0] for one in tried])
        others.append(
            [
                _holding(old, field, one.example, proposal)
                for one, old in zip(tried, olds, strict=True)
            ]
        )
        for texts in others:
            pairs = zip(texts, drafts[0], strict=True)
            count = proposal.runner.count_tokens
            drafts.append([text if one_line(text, field, count) else own for text, own in pairs])
    return list(drafts)


def _holding(old: Step, field: Field, example: Example, proposal: Proposal) -> str:
    """Return the sentences of an input that hold the answer, where it is too long to be handed on.

    '' where all of it fits, and where the answer does not stand in it.
    """
    count = proposal.runner.count_tokens
    text = max(old.inputs.values(), key=len, default="")
    if count(text) <= field.max_tokens:
        return ""
    return sentences_around(text, example.targets or (), count, field.max_tokens // 2)


def guesses(
    proposal: Proposal, node: Node, tried: Sequence[Trajectory], olds: Sequence[Step]
) -> list[list[str]]:
    """Return what the optimizing model guesses must be handed on: likely words, and luck twice."""
    kind, names = call("hand_on"), proposal.agent.flow.names()
    behind = [proposal.agent.node(name) for name in names[names.index(node.name) + 1 :]]
    after = "\n".join("- " + " ".join(other.instructions) for other in behind)
    found = []
    for turn, sampling in enumerate((GREEDY, LUCKY, LUCKY)):
        requests = [
            kind.request(
                {
                    "input": inputs_text(node, old.inputs),
                    "after": after,
                    "target": (one.example.targets or ("",))[0],
                },
                proposal.engine.count_tokens,
                sampling=sampling,
                seed=proposal.seed + turn,
            )
            for one, old in zip(tried, olds, strict=True)
        ]
        said = map(kind.read, proposal.engine.generate(requests, proposal.watch))
        found.append([one["handed_on"].strip() if one else "" for one in said])
    return found


def one_line(text: str, field: Field, count: Callable[[str], int]) -> bool:
    """Say whether a text is one that a text field of one line can hold.

    >>> [one_line(text, Field(max_chars=5), len) for text in ("a cat", "a bird", "", "a\\nb")]
    [True, False, False, False]
    """
    plain = text == text.strip() and text.splitlines() == [text]
    return plain and len(text) <= field.max_chars and count(text) <= field.max_tokens


def _demo(old: Step, node: Node, text: str, example: Example) -> Demo:
    output = {node.output.answer.name: text}
    return Demo(dict(old.inputs), output, example.id, calls=old.calls, **own(node, example))
