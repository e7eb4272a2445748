"""The forward pass: examples through the flow, kept as trajectories.

All examples walk at once, of several agents too: what they all wait for, of whichever node, is one
round for the engine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from slearn.agent.ask import Ask
from slearn.agent.decide import decide
from slearn.agent.model import Agent
from slearn.agent.trajectory import Step, Trajectory
from slearn.agent.walk import Course, State, answer_of, together, walk
from slearn.agent.write import write
from slearn.engine import GREEDY, Engine, Sampling, Watcher
from slearn.values import Example, Usage

Pairs = Sequence[tuple[Agent, Sequence[Example]]]
Respond = Callable[[list[Ask]], list[Step]]


def forward(
    agent: Agent,
    examples: Sequence[Example],
    engine: Engine,
    *,
    sampling: Sampling = GREEDY,
    seed: int = 0,
    watch: Watcher | None = None,
    late: Callable[[], bool] = lambda: False,
) -> list[Trajectory]:
    """Run every example through the agent; one round a depth, two where a node reasons and decides.

    `late` says that time is up: no loop, vote or list begins another turn then.

    Raises InputError when an example lacks an input, ContextError when a prompt does not fit.
    """
    pairs = [(agent, examples)]
    return forward_all(pairs, engine, sampling=sampling, seed=seed, watch=watch, late=late)[0]


def forward_all(
    pairs: Pairs,
    engine: Engine,
    *,
    sampling: Sampling = GREEDY,
    seed: int = 0,
    watch: Watcher | None = None,
    late: Callable[[], bool] = lambda: False,
) -> list[list[Trajectory]]:
    """Run several agents, each on its own examples: what all of them wait for is one round.

    >>> # forward_all([(agent, rows), (rival, rows)], engine)[1][0].answer
    """
    courses = _courses(pairs, engine, late, sampling, seed)
    states = _driven(courses, lambda asks: take(asks, engine, watch))
    ends = iter(zip(courses, states, strict=True))
    return [[_trajectory(*next(ends)) for _ in examples] for _, examples in pairs]


def _trajectory(course: Course, state: State) -> Trajectory:
    answer = answer_of(course.agent, state.last)
    path = state.last.path if state.last else ""
    warnings = tuple(dict.fromkeys(state.warnings))  # forks may say the same
    return Trajectory(course.example, tuple(state.steps), answer, path, warnings)


def take(asks: Sequence[Ask], engine: Engine, watch: Watcher | None = None) -> list[Step]:
    """Return what is asked: one round for all that is written, another for all that is decided.

    >>> # take([Ask(node, example, example.inputs)], engine)[0].output
    """
    decided = [ask.node.output.decided for ask in asks]
    chosen = [ask for ask, one in zip(asks, decided, strict=True) if one]
    others = [ask for ask, one in zip(asks, decided, strict=True) if not one]
    said = iter(write(others, engine, watch) if others else ())
    found = iter(decide(chosen, engine, watch) if chosen else ())
    return [next(found) if one else next(said) for one in decided]


def last_asks(
    pairs: Pairs,
    engine: Engine,
    watch: Watcher | None = None,
    *,
    taken: Sequence[Sequence[Step]] | None = None,
) -> list[list[Ask]]:
    """Run what stands before the answer, and return what would be asked for it: of each that votes.

    One list for each example of each pair, in their order. Where a flow goes on after its answer (a
    loop checks it), that is run too. `taken` are the first steps of each, where they are known:
    what they say is not asked again.

    >>> # last_asks([(agent, [example])], engine)[0][0].inputs["input"]
    """
    courses = _courses(pairs, engine)
    known: list[Mapping[str, Step]] = [{s.path or s.node: s for s in own} for own in taken or ()]
    known = known or [{} for _ in courses]
    made: list[dict[str, Ask]] = [{} for _ in courses]

    def respond(asks: list[Ask]) -> list[Step]:
        missing = [a for a in asks if not a.final and a.path not in known[a.number]]
        found = iter(take(missing, engine, watch) if missing else ())
        steps = []
        for ask in asks:
            made[ask.number][ask.path] = ask
            if ask.final:
                steps.append(_unasked(ask))
            else:
                steps.append(known[ask.number].get(ask.path) or next(found))
        return steps

    states = _driven(courses, respond)
    return [
        [own[step.path] for step in state.answered] for state, own in zip(states, made, strict=True)
    ]


def _courses(
    pairs: Pairs,
    engine: Engine,
    late: Callable[[], bool] = lambda: False,
    sampling: Sampling = GREEDY,
    seed: int = 0,
) -> list[Course]:
    def done(most: int, steps: Sequence[Step]) -> bool:
        # Counted from the texts, because what was computed is free where it is computed no more.
        used = sum(engine.count_tokens(step.text) for step in steps) if most else 0
        return late() or (most > 0 and used >= most)

    each = [(agent, example) for agent, examples in pairs for example in examples]
    return [
        Course(agent, example, sampling, seed, number, partial(done, agent.flow.tokens))
        for number, (agent, example) in enumerate(each)
    ]


def _driven(courses: Sequence[Course], respond: Respond) -> list[State]:
    """Walk all courses to their ends, answering what they ask."""
    walking = together([walk(course) for course in courses])
    try:
        asks = next(walking)
        while True:
            asks = walking.send(respond(asks))
    except StopIteration as end:
        states: list[State] = end.value
        return states


def _unasked(ask: Ask) -> Step:
    """Return a step that stands for one whose output nobody reads."""
    output = {field.name: "" for field in ask.node.output.fields}
    return ask.step(output, "", True, Usage())
