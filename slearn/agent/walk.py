"""One example's way through a flow: a generator that asks for outputs and goes on with them.

It asks for all steps that do not wait for each other at once, so that those who run many examples
can hand all that is wanted to the engine together. It depends on the outputs alone: the same
outputs lead the same way, and every step has a path that tells it apart.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from slearn.agent.among import among
from slearn.agent.ask import Ask
from slearn.agent.contract import Contract, Field
from slearn.agent.flow import Among, Best, Block, Branch, Each, Loop, Nearest, Vote
from slearn.agent.flowcheck import TALK, independent
from slearn.agent.model import Agent, Node, Role
from slearn.agent.nearest import nearest
from slearn.agent.trajectory import Step
from slearn.engine import GREEDY, Sampling
from slearn.errors import InputError
from slearn.values import Example

LUCKY = Sampling(temperature=0.8, top_p=0.95)  # what the likeliest words miss may come by luck
_NUMBER = re.compile(r"-?\d+(\.\d+)?")

Walking = Generator[list[Ask], list[Step], "State"]


@dataclass(frozen=True)
class Course:
    """What is the same on the whole way: who walks, how outputs are drawn, and when to come home.

    `late` says that time or tokens are used up: no loop, vote or list begins another turn.
    """

    agent: Agent
    example: Example
    sampling: Sampling = GREEDY
    seed: int = 0
    number: int = 0
    late: Callable[[Sequence[Step]], bool] = lambda _: False

    @property
    def nodes(self) -> dict[str, Node]:
        """The agent's nodes by name."""
        return {node.name: node for node in self.agent.nodes}


@dataclass
class State:
    """Where a walk stands: the values by name, the steps that gave them, and all steps in order."""

    values: dict[str, str]
    origin: dict[str, tuple[str, ...]] = field(default_factory=dict)  # of a list's answers all
    steps: list[Step] = field(default_factory=list)
    last: Step | None = None
    led: tuple[str, ...] = ()  # the steps whose choice led here
    seen: Counter[str] = field(default_factory=Counter)
    earlier: tuple[Step, ...] = ()  # the steps before this state forked
    voters: tuple[Step, ...] = ()  # the steps whose answers vote for the agent's
    warnings: list[str] = field(default_factory=list)  # what was left out, in words
    grade: float = float("-inf")
    few: Among | None = None  # the part whose last node chooses among few

    @property
    def so_far(self) -> list[Step]:
        """All steps that led here: what was used up counts them."""
        return [*self.earlier, *self.steps]

    @property
    def answered(self) -> tuple[Step, ...]:
        """The steps whose answers count: of a vote all, else the last one."""
        return self.voters or (() if self.last is None else (self.last,))

    def fork(self) -> State:
        """Return a state that goes its own way from here; its steps are those from here on."""
        values, origin, seen = dict(self.values), dict(self.origin), Counter(self.seen)
        earlier = tuple(self.so_far)
        own = replace(self, values=values, origin=origin, steps=[], seen=seen, earlier=earlier)
        own.warnings = []
        return own

    def join(self, forks: Sequence[State]) -> None:
        """Keep the steps of all that forked, and what was left out there."""
        for fork in forks:
            self.steps += fork.steps
            self.seen |= fork.seen
            self.warnings += fork.warnings

    def adopt(self, other: State, forks: Sequence[State]) -> None:
        """Go on as one of several that forked, and keep the steps of all of them."""
        self.join(forks)
        self.values, self.origin, self.last = other.values, other.origin, other.last


def walk(course: Course) -> Walking:
    """Ask for a flow's outputs until it ends, and return where the walk then stands.

    >>> # asks = next(walk(Course(agent, example)))
    """
    flow = course.agent.flow
    state = State({**course.example.inputs, **dict(flow.start)})
    yield from _block(course, flow.steps, state, "", 0, not flow.answer)
    if flow.answer:
        (path,) = state.origin[flow.answer]
        state.last = next(step for step in state.steps if step.path == path)
    return state


def together(walks: Sequence[Walking]) -> Generator[list[Ask], list[Step], list[State]]:
    """Let several walk at once: all that they ask for is asked for together.

    >>> # yield from together([walk(course) for course in courses])
    """
    ends: list[State | None] = [None] * len(walks)
    asked: dict[int, list[Ask]] = {}

    def go_on(place: int, steps: list[Step] | None) -> None:
        try:
            walking = walks[place]
            asked[place] = next(walking) if steps is None else walking.send(steps)
        except StopIteration as end:
            asked.pop(place, None)
            ends[place] = end.value

    for place in range(len(walks)):
        go_on(place, None)
    while asked:
        waiting = list(asked.items())
        steps = iter((yield [ask for _, asks in waiting for ask in asks]))
        for place, asks in waiting:
            go_on(place, [next(steps) for _ in asks])
    return [end for end in ends if end is not None]


def _block(
    course: Course, block: Block, state: State, mark: str, luck: int, final: bool
) -> Walking:
    """Walk through a block; `mark` tells its turn apart, `luck` its draw, `final` where it ends."""
    place, nodes = 0, course.nodes
    while place < len(block):
        part = block[place]
        count = independent(block, place, nodes) if isinstance(part, str) else 1
        place += count
        ends = final and place == len(block)
        match part:
            case str():
                names = [str(name) for name in block[place - count : place]]
                yield from _run(course, [nodes[n] for n in names], state, mark, luck, ends)
            case Branch():
                inner, led = part.taken(_value(course, state, part.on, "a branch")), state.led
                state.led = (*led, *_origin(state, part.on))
                yield from _block(course, inner, state, mark, luck, ends)
                state.led = led
            case Loop():
                led = state.led
                for turn in range(part.most):
                    if turn and course.late(state.so_far):
                        break
                    again = f"{mark}#{turn + 1}"
                    yield from _block(course, part.body, state, again, luck, False)
                    if part.ended(state.values[part.until]):
                        break
                    state.led = (*state.led, *_origin(state, part.until))
                state.led = led  # what follows would have come anyway
            case Each():
                yield from _each(course, part, state, mark, luck)
            case Nearest():
                who = "what is nearest"
                text, to = (_value(course, state, name, who) for name in (part.over, part.to))
                state.values[part.into] = nearest(text, to, part.keep)
                origins = (*_origin(state, part.over), *_origin(state, part.to))
                state.origin[part.into] = tuple(dict.fromkeys(origins))
            case Among():
                outer, state.few = state.few, part
                yield from _block(course, part.body, state, mark, luck, ends)
                state.few = outer
            case Vote():
                turns = 1 if course.late(state.so_far) else part.times
                forks = yield from _forks(course, part.body, state, mark, luck, turns, ends)
                state.adopt(_commonest(course.agent, forks), forks)
                if ends:
                    state.voters = tuple(s for fork in forks for s in fork.answered)
            case Best():
                turns = 1 if course.late(state.so_far) else part.times
                forks = yield from _forks(
                    course, part.body, state, mark, luck, turns, False, part.by
                )
                state.adopt(max(forks, key=lambda fork: fork.grade), forks)
    return state


def _run(
    course: Course, nodes: Sequence[Node], state: State, mark: str, luck: int, final: bool
) -> Walking:
    """Ask for what some nodes return; those with roles have them talk before."""
    talks = [("", "")] * len(nodes)
    for turn in range(max((node.rounds * len(node.roles) for node in nodes), default=0)):
        speaking = [place for place, n in enumerate(nodes) if turn < n.rounds * len(n.roles)]
        asks = []
        for place in speaking:
            node = nodes[place]
            role = node.roles[turn % len(node.roles)]
            again = turn // len(node.roles)
            name = f"{node.name}:{role.name}{f'~{again + 1}' if again else ''}"
            talk, before = talks[place]
            asks.append(
                _ask(course, _speaker(node, role), state, name + mark, luck, False, talk, before)
            )
        for place, step in zip(speaking, (yield asks), strict=True):
            role = nodes[place].roles[turn % len(nodes[place].roles)]
            said = f"{role.name}: {step.output['answer']}"
            talks[place] = (f"{talks[place][0]}\n{said}".strip(), step.path)
            state.steps.append(step)
    asks = []
    for node, (talk, before) in zip(nodes, talks, strict=True):
        heard = talk if node.roles else None
        asker = node if heard is None else hearing(node, {TALK: heard})
        ends = final and node is nodes[-1]  # those beside it are no answers
        asks.append(_ask(course, asker, state, node.name + mark, luck, ends, heard, before))
    for node, step in zip(nodes, (yield asks), strict=True):
        known = {f"{node.name}.{name}": value for name, value in step.output.items()}
        answer = step.output[node.output.answer.name]
        known |= {node.name: answer, **({node.writes: answer} if node.writes else {})}
        state.values.update(known)
        state.origin.update(dict.fromkeys(known, (step.path,)))
        state.steps.append(step)
        state.last = step
    return state


def _ask(
    course: Course,
    node: Node,
    state: State,
    path: str,
    luck: int,
    final: bool,
    talk: str | None = None,
    before: str = "",
) -> Ask:
    """Return what a node is asked with the values as they stand."""
    state.seen[path] += 1
    if state.seen[path] > 1:
        path = f"{path}+{state.seen[path]}"
    values = {} if talk is None else {TALK: talk}
    for name in node.inputs:
        if name not in values:
            values[name] = _value(course, state, name, f"node {node.name!r}")
    reads = [path for name in node.inputs for path in _origin(state, name)]
    reads += [before] if before else []
    inputs = {name: values[name] for name in node.inputs}
    part = state.few
    few: tuple[tuple[str, float], ...] = ()
    if part and node.name == part.body[-1] and node.output.decided:  # its roles only talk
        few = among(node, part, inputs, course.example.id)
    sampling = LUCKY if luck else course.sampling
    return Ask(
        node=node,
        example=course.example,
        inputs=inputs,
        sampling=sampling,
        seed=course.seed + 7919 * luck,
        path=path,
        reads=tuple(dict.fromkeys([*reads, *state.led])),
        final=final,
        number=course.number,
        few=few,
    )


def _value(course: Course, state: State, name: str, who: str) -> str:
    if name not in state.values:
        there = ", ".join(sorted(course.example.inputs)) or "nothing"
        raise InputError(
            f"{who} reads {name!r}, which the data does not have (it has {there})",
            where=f"example {course.example.id}",
        )
    return state.values[name]


def _origin(state: State, name: str) -> tuple[str, ...]:
    return state.origin.get(name, ())


def _each(course: Course, part: Each, state: State, mark: str, luck: int) -> Walking:
    """Walk the block of a list once for every item, all at once."""
    found, late = items_of(_value(course, state, part.over, "a list")), course.late(state.so_far)
    items = found[: 1 if late else part.most]
    if len(items) < len(found):
        why = "time or tokens are up" if late else f"`most` is {part.most}"
        few = f"only {len(items)} of the {len(found)} items"
        state.warnings.append(f"of the list {part.over!r} {few} counted: {why}")
    forks = []
    for item in items:
        fork = state.fork()
        fork.values[part.item] = item
        if part.over in state.origin:
            fork.origin[part.item] = state.origin[part.over]
        forks.append(fork)
    walks = [
        _block(course, part.body, fork, f"{mark}[{number}]", luck, False)
        for number, fork in enumerate(forks, 1)
    ]
    yield from together(walks)
    state.join(forks)
    state.values[part.into] = "\n".join(answer_of(course.agent, fork.last) for fork in forks)
    state.origin[part.into] = tuple(fork.last.path for fork in forks if fork.last is not None)
    return state


def _forks(
    course: Course,
    body: Block,
    state: State,
    mark: str,
    luck: int,
    turns: int,
    final: bool,
    grader: str = "",
) -> Generator[list[Ask], list[Step], list[State]]:
    """Walk a block several times at once, the first as it is and the others by luck."""

    def one(fork: State, number: int) -> Walking:
        own, drawn = f"{mark}*{number + 1}", luck * turns + number
        yield from _block(course, body, fork, own, drawn, final)
        last = fork.last
        if grader:  # what it says is no answer
            yield from _block(course, (grader,), fork, own, 0, False)
            fork.grade = _grade(fork.last, fork.values[grader])
            fork.last = last
        return fork

    forks = [state.fork() for _ in range(turns)]
    yield from together([one(fork, number) for number, fork in enumerate(forks)])
    return forks


def _commonest(agent: Agent, forks: Sequence[State]) -> State:
    """Return the first of those whose answer most have, capitals and spaces left aside."""
    said = [" ".join(answer_of(agent, fork.last).split()).casefold() for fork in forks]
    counts = Counter(said)
    return forks[max(range(len(forks)), key=lambda place: counts[said[place]])]


def _grade(step: Step | None, text: str) -> float:
    """Return a grade: the expected one where likelihoods decided, else the first number."""
    if step is not None and step.expected is not None:
        return step.expected
    found = _NUMBER.search(text)
    return float(found[0]) if found else float("-inf")


def answer_of(agent: Agent, step: Step | None) -> str:
    """Return the answer that a step gave; '' where there is none."""
    return "" if step is None else step.output[agent.node(step.node).output.answer.name]


def items_of(text: str) -> list[str]:
    """Return the items of a list: of a JSON array, or the lines of a text, empty ones left out.

    >>> items_of('["a", "b"]'), items_of("a\\n\\nb")
    (['a', 'b'], ['a', 'b'])
    """
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if isinstance(found, list):
        return [
            one if isinstance(one, str) else json.dumps(one, ensure_ascii=False) for one in found
        ]
    return [line.strip() for line in text.splitlines() if line.strip()]


def _speaker(node: Node, role: Role) -> Node:
    """Return what a role of a node says next: one line, told who it is and what was said."""
    told = (*node.instructions, f"You are {role.name}. {role.says}", "Say what you have to say.")
    said = Contract((Field("answer", max_chars=300, max_tokens=96),))
    return Node(node.name, told, (*node.inputs, TALK), said, layout=node.layout)


def hearing(node: Node, inputs: Mapping[str, str]) -> Node:
    """Return a node that reads what its roles have said, if it is there; its demos show no talk.

    >>> hearing(Node("answer", (), roles=(Role("critic", "Be short."),)), {"talk": "critic: no"}).inputs
    ('input', 'talk')
    """  # noqa: E501
    if not node.roles or TALK not in inputs:
        return node
    demos = tuple(replace(demo, inputs={**demo.inputs, TALK: ""}) for demo in node.demos)
    return replace(node, inputs=(*node.inputs, TALK), demos=demos, roles=(), writes="")
