"""Random agents with flows, and random edits of their structure: many of them cannot be made.

`check` is the property: an edit is refused before anything runs, or what it makes runs, survives
its file, and left the agent that it was made to as it was, to the byte.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence

from slearn.agent import (
    Agent,
    Contract,
    Demo,
    Field,
    Flow,
    Node,
    agent_from_text,
    agent_to_text,
    forward,
)
from slearn.engine import Engine
from slearn.errors import InputError
from slearn.optim import (
    AddCase,
    AddNode,
    ChangeCase,
    Edit,
    MergeNodes,
    MoveNode,
    Narrow,
    RemoveNode,
    Rewire,
    SetTimes,
    SplitNode,
    Unwrap,
    WrapAmong,
    WrapBest,
    WrapRetry,
    WrapVote,
    apply,
)
from slearn.values import Example

TEXT = Contract((Field(max_chars=12, max_tokens=4),))
CHOICE = Field(type="choice", choices=("yes", "no"))
YES_NO = Contract((Field("why", max_chars=12, max_tokens=4), CHOICE))
NUMBER = Contract((Field("answer", "number"),))
ROWS = [Example(str(n), {"input": text}, ("yes",)) for n, text in enumerate(("hot", "ß, \n"))]


def start(chance: random.Random) -> Agent:
    """Return a chain of one to three nodes."""
    names, source, nodes = ("read", "think", "answer"), "input", list[Node]()
    for name in names[-chance.randint(1, 3) :]:
        contract = chance.choice((TEXT, YES_NO))
        inputs = tuple(dict.fromkeys((source, chance.choice((source, "input")))))
        demo = Demo(dict.fromkeys(inputs, "x"), {field.name: "yes" for field in contract.fields})
        shown = (demo,) * chance.randint(0, 1)
        nodes.append(Node(name, (f"Do {name}.",), inputs, contract, shown))
        source = name
    return Agent("random", tuple(nodes), Flow(tuple(node.name for node in nodes), limit=60))


def random_edit(agent: Agent, chance: random.Random) -> Edit:
    """Return an edit that may name anything, what is not there too."""
    names = [*[node.name for node in agent.nodes] * 3, "nobody"]
    known = [*names, *["input"] * 3, "nobody.why", *(f"{name}.why" for name in names[:1])]
    fresh = chance.choice(["new", "newer", "newest", "newest of all", agent.nodes[0].name])

    def new(contract: Contract = TEXT) -> Node:
        inputs = tuple(dict.fromkeys(chance.choices(known, k=chance.randint(1, 2))))
        return Node(fresh, (f"Be {fresh}.",), inputs, contract)

    node, other = chance.choice(names), chance.choice(names)
    read = next((own.inputs for own in agent.nodes if own.name == node), ())
    made: Sequence[Callable[[], Edit]] = (
        lambda: AddNode(node, new(), chance.random() < 0.5),
        lambda: RemoveNode(node),
        lambda: SplitNode(node, new(), Node(node, ("Do it.",), (chance.choice([fresh, *known]),))),
        lambda: MergeNodes(node, other),
        lambda: MoveNode(node, other),
        lambda: Rewire(node, chance.choice(known), chance.choice(known)),
        lambda: Narrow(node, *chance.sample([*read, *read, *known], 2), chance.randint(0, 3)),
        lambda: WrapAmong(node, chance.randint(1, 3)),
        lambda: WrapVote(node, chance.randint(1, 3)),
        lambda: WrapBest(node, new(NUMBER), chance.randint(1, 2)),
        lambda: WrapRetry(node, new(YES_NO), "yes", chance.randint(1, 2)),
        lambda: Unwrap(node),
        lambda: ChangeCase(node, chance.choice(("yes", "no")), chance.choice(("yes", "no", "hot"))),
        lambda: SetTimes(node, chance.randint(0, 4)),
        lambda: AddCase(node, chance.choice(known), chance.choice(("yes", "no", "hot")), new()),
    )
    return chance.choice(made)()


def check(agent: Agent, edit: Edit, engine: Engine) -> Agent | None:
    """Make an edit and hold it against the property; None where it was refused."""
    before = agent_to_text(agent)
    try:
        made = apply(agent, edit)
    except InputError:
        assert agent_to_text(agent_from_text(before)) == before
        return None
    text = agent_to_text(made)
    again = agent_from_text(text)
    assert again == made and agent_to_text(again) == text
    for trajectory in forward(made, ROWS, engine):
        assert trajectory.steps and len(trajectory.steps) <= made.flow.limit
        assert trajectory.end.node in made.ends
        paths = [step.path for step in trajectory.steps]
        assert len(set(paths)) == len(paths)
    fresh = Agent(agent.name, agent.nodes, agent.flow, agent.metric, agent.spare)
    assert agent_to_text(fresh) == before
    return made


def many(count: int, engine: Engine, seed: int = 0) -> Counter[str]:
    """Make so many random edits, each to what the ones before led to; return how often what was."""
    chance, found = random.Random(seed), Counter[str]()
    agent = start(chance)
    for _ in range(count):
        edit = random_edit(agent, chance)
        made = check(agent, edit, engine)
        found[f"{type(edit).__name__} {'refused' if made is None else 'made'}"] += 1
        if made is not None:
            agent = made
        if len(agent.nodes) > 6 or chance.random() < 0.05:
            agent = start(chance)
    return found
