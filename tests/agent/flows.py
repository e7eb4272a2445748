"""Random agents whose flows fit them, by construction, and an engine that answers them by chance.

Names are known or not where a node is put, so that what it reads was always written before; an
agent that comes from here is refused by no check, which is itself a test of the checks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

from slearn.agent import (
    Agent,
    Among,
    Ask,
    Best,
    Block,
    Branch,
    Contract,
    Demo,
    Each,
    Field,
    Flow,
    Loop,
    Nearest,
    Node,
    Part,
    Role,
    Step,
    Vote,
    names_of,
)
from slearn.agent.flowcheck import most_steps
from slearn.agent.walk import hearing
from slearn.engine import GenerateRequest, Generation, Watcher
from slearn.engine.scripted import ScriptedEngine, accepts
from slearn.values import Example, digest

TEXT = Contract((Field(max_chars=40, max_tokens=12),))
CHOICE = Contract((Field("answer", "choice", choices=("yes", "no")),))
REASONED = Contract((Field("why", max_chars=40, max_tokens=12), *CHOICE.fields))
NUMBER = Contract((Field("answer", "number"),))
FOUR = ("yes", "no", "maybe", "never")
DECIDED = Contract((Field("answer", "choice", choices=FOUR, decide="likelihood"),))
SHARED = "draft"  # what several nodes may write
NOTE = "note"  # what is known before anything runs
COLUMNS = ("input", "kind", "list")
ROWS = tuple(
    Example(f"e{n}", {"input": f"row {n}", "kind": kind, "list": items}, ("yes",))
    for n, (kind, items) in enumerate((("yes", "p\nq\nr"), ("no", '["p"]'), ("?", "")))
)
VALUES = st.sampled_from(("yes", "no"))
_SAID = ("yes", "no", "ok", "2", "3.5", "one two", "a.b")


class Rounds(ScriptedEngine):
    """Answers by a function, and keeps every round of requests."""

    def __init__(self, script: Callable[[GenerateRequest], str | None]) -> None:
        super().__init__(script)
        self.asked: list[list[GenerateRequest]] = []

    def generate(
        self, requests: Sequence[GenerateRequest], watch: Watcher | None = None
    ) -> list[Generation]:
        self.asked.append(list(requests))
        return super().generate(requests, watch)


def by_chance(request: GenerateRequest) -> str | None:
    """Return one of a few words, always the same for a request: what the grammar accepts."""
    number = int(digest(request.key(), 8), 16)
    said = [_SAID[(number + place) % len(_SAID)] for place in range(len(_SAID))]
    texts = [*said, *(f"why: {said[0]}\nanswer: {word}" for word in said)]
    return next((text for text in texts if accepts(request.grammar, text)), None)


@dataclass
class _Maker:
    """Draws blocks and the nodes in them; `known` are the names that have values at a place."""

    draw: st.DrawFn
    values: st.SearchStrategy[str]  # of cases and loops
    nodes: dict[str, Node] = field(default_factory=dict)
    start: dict[str, str] = field(default_factory=dict)
    lists: int = 0

    def chance(self, *options: Any) -> Any:
        """Draw one of some values."""
        return self.draw(st.sampled_from(options))

    def fresh(self) -> str:
        """Return a name that no node has, and keep it."""
        name = f"n{len(self.nodes) + 1}"
        self.nodes[name] = Node(name, (f"Be {name}.",))
        return name

    def make(self, name: str, known: set[str], contract: Contract | None = None) -> set[str]:
        """Make a node that reads what is known, and return the names that it gives values to."""
        inputs = self.draw(
            st.lists(
                st.sampled_from([*COLUMNS, *sorted(known)]), min_size=1, max_size=2, unique=True
            )
        )
        node = replace(
            self.nodes[name],
            inputs=tuple(inputs),
            output=contract or self.chance(TEXT, CHOICE, REASONED),
            writes=self.chance("", "", SHARED),
            roles=self.chance((), (), (), (Role("critic", "Be short."), Role("fan", "Praise."))),
        )
        self.nodes[name] = replace(node, rounds=self.chance(1, 2) if node.roles else 1)
        return self.made(name)

    def made(self, name: str) -> set[str]:
        """Return the names that a node gives values to."""
        node = self.nodes[name]
        fields = {f"{name}.{each.name}" for each in node.output.fields}
        return {name, *fields, *([node.writes] if node.writes else [])}

    def node(self, known: set[str]) -> tuple[str, set[str]]:
        """Put a node: a new one, or one that stands elsewhere too and may run here."""
        old = [
            name
            for name, node in self.nodes.items()
            if not name.startswith("g")  # who grades cannot stand in what it grades
            and all(own in known or own in COLUMNS for own in node.inputs)
        ]
        if old and self.chance(True, False, False):
            name = self.chance(*old)
            return name, self.made(name)
        name = self.fresh()
        return name, self.make(name, known)

    def block(self, known: set[str], depth: int) -> tuple[Block, set[str]]:
        """Make a block that ends with a node's answer, and return what is known after it."""
        parts: list[Part] = []
        count = self.chance(1, 1, 2, 3) if depth else 1
        for place in range(count):
            last = place == count - 1
            kinds = ["node", "node"]
            if depth:
                kinds += [
                    "branch",
                    "loop",
                    "among",
                    "vote",
                    "best",
                    *([] if last else ["each", "nearest"]),
                ]
            part, known = self.part(self.chance(*kinds), known, depth, place > 0)
            parts.append(part)
            if isinstance(part, Each | Nearest):  # no block ends with one, nor is it an answer
                name, made = self.node(known)
                parts.append(name)
                known = known | made
        return tuple(parts), known

    def value(self, on: str) -> str:
        """Draw a value that a name may have."""
        name = on.partition(".")[0]
        owners = [node for node in self.nodes.values() if name in (node.name, node.writes)]
        if not owners or on.endswith(".why"):
            return self.draw(self.values)
        return "2" if owners[0].output == NUMBER else "yes"

    def part(self, kind: str, known: set[str], depth: int, behind: bool) -> tuple[Part, set[str]]:
        """Make one part, and return what is known after it."""
        if kind == "branch":
            on = self.chance("kind", *sorted(known))
            value = self.value(on)
            first, after = self.block(set(known), depth - 1)
            other, other_after = (), set(known)
            if not behind or self.chance(True, False):
                other, other_after = self.block(set(known), depth - 1)
            return Branch(on, ((value, first),), other), after & other_after
        if kind == "loop":
            check = self.fresh()  # reserved, so that the first turn may read what it has at first
            if self.chance(True, False):
                self.start[check] = ""
                known = {*known, check}
            self.nodes[check] = replace(self.nodes[check], inputs=("nothing is known yet",))
            body, after = self.block(known, depth - 1)
            made = self.make(check, after, self.chance(CHOICE, REASONED))
            part = Loop((*body, check), check, "yes", self.chance(1, 2, 3))
            return part, after | made
        if kind == "each":
            self.lists += 1
            over, item = self.chance("list", *sorted(known)), f"item{self.lists}"
            body, _ = self.block({*known, item}, depth - 1)
            into = f"whole{self.lists}"
            return Each(over, item, body, into, self.chance(1, 2, 3)), {*known, into}
        if kind == "nearest":
            self.lists += 1
            over, to = (self.chance(*COLUMNS, *sorted(known)) for _ in range(2))
            into = f"near{self.lists}"
            return Nearest(over, to, into, self.chance(1, 2)), {*known, into}
        if kind == "among":
            parts, known = self.block(known, depth - 1) if self.chance(True, False) else ((), known)
            name = self.fresh()
            made = self.make(name, known, DECIDED)
            node = self.nodes[name]
            texts = zip(("row 1 yes p", "row 2 no q", "yes no"), FOUR, strict=False)
            demos = [Demo(dict.fromkeys(node.inputs, t), {"answer": said}) for t, said in texts]
            self.nodes[name] = replace(node, demos=tuple(demos))
            return Among((*parts, name), self.chance(2, 3), self.chance(0.0, 1.5)), known | made
        if kind == "vote":
            body, after = self.block(known, depth - 1)
            return Vote(body, self.chance(1, 2, 3)), after
        if kind == "best":
            body, after = self.block(known, depth - 1)
            by = f"g{len(self.nodes) + 1}"
            self.nodes[by] = Node(by, ("Grade it.",))
            return Best(body, by, self.chance(1, 2)), after | self.make(by, after, NUMBER)
        name, made = self.node(known)
        return name, known | made


@st.composite
def agents_with_flows(
    draw: st.DrawFn, values: st.SearchStrategy[str] = VALUES, most: int = 60
) -> Agent:
    """Agents of any flow of at most so many steps; `values` are those of cases on texts."""
    maker = _Maker(draw, values)
    if draw(st.booleans()):
        maker.start[NOTE] = draw(maker.values)
    steps, known = maker.block(set(maker.start), draw(st.integers(1, 2)))
    answers = [name for name in sorted(known) if name in maker.nodes and name not in maker.start]
    answer = draw(st.sampled_from(["", "", *answers]))
    if answer and draw(st.booleans()):  # then it need not end with an answer
        name = maker.fresh()
        maker.make(name, {*known, "item0"}, TEXT)
        steps = (*steps, Each("list", "item0", (name,), "whole0", 2))
    steps_at_most = most_steps(steps, maker.nodes)
    assume(steps_at_most <= most)
    flow = Flow(
        steps,
        draw(st.integers(steps_at_most, 1000)),
        answer,
        tuple(maker.start.items()),
        draw(st.sampled_from([0, 0, 5, 30])),
    )
    nodes = [maker.nodes[name] for name in dict.fromkeys(names_of(steps))]
    return Agent("random", tuple(draw(st.permutations(nodes))), flow)


def flows(values: st.SearchStrategy[str] = VALUES) -> st.SearchStrategy[Flow]:
    """Flows of any shape that fit some nodes."""
    return agents_with_flows(values).map(lambda agent: agent.flow)


def asked(agent: Agent, example: Example, step: Step) -> Ask:
    """What a step was asked, by its own notes: its node with the values that it read."""
    node = hearing(agent.node(step.node), step.inputs)
    return Ask(node, example, step.inputs, path=step.path or step.node, reads=step.reads)
