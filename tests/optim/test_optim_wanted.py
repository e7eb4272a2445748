"""Wanted outputs: the one is shown after which the rest of the chain finds the right answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from slearn.agent import Agent, Contract, Demo, Field, Flow, Node, forward
from slearn.engine import GenerateRequest, Score, ScoreRequest, Watcher
from slearn.engine.scripted import ScriptedEngine
from slearn.evaluate import score_trajectories
from slearn.optim import Proposal, SetDemos, Wanted
from slearn.optim.wanted import hands_on
from slearn.values import Example
from tests.optim.proposals import proposal, single

NAMED = {"cat": "animal", "oak": "plant", "owl": "animal", "elm": "plant"}
ROWS = [
    Example(f"e{n}", {"input": f"{word} {n}"}, (NAMED[word].upper(),))
    for n, word in enumerate(list(NAMED) * 3)
]


class Second(ScriptedEngine):
    """The second node writes in capitals what the first one names; the first says what `say` does.

    The trainer's guess of what must be handed on is right for every other row.
    """

    def __init__(self, say: str = "thing") -> None:
        self._say = say
        super().__init__(self._work)

    def _work(self, request: GenerateRequest) -> str | None:
        told, asked = request.messages[0].content, request.messages[-1].content
        if "Capitals" in told:
            return asked.upper()
        if "Name" in told:
            return self._say
        if "must hand on" in told:
            row = next(row for row in ROWS if row.inputs["input"] in asked)
            right = (row.targets or ("",))[0].lower()
            return f'{{"handed_on": "{right if int(row.id[1:]) % 2 else "no idea"}"}}'
        return None

    def score(self, requests: Sequence[ScoreRequest], watch: Watcher | None = None) -> list[Score]:
        found = super().score(requests, watch)
        for place, request in enumerate(requests):
            done = request.messages[-1].content.upper()
            odds = tuple(-0.1 if target == done else -5.0 for target in request.targets)
            found[place] = replace(found[place], logprobs=odds)
        return found


def chain(first: Contract | None = None) -> Agent:
    nodes = (
        Node("first", ("Name the kind.",), output=first or Contract()),
        Node("second", ("Capitals.",), ("first",)),
    )
    return Agent("c", nodes, Flow(("first", "second")))


def shown(agent: Agent, engine: ScriptedEngine) -> Proposal:
    taken = forward(agent, ROWS, engine)
    scores = score_trajectories(agent, taken, engine)
    empty = proposal(agent, [], engine=engine)
    return replace(empty, trajectories=taken, scores=scores, pool=ROWS)


def test_what_leads_to_the_right_answer_becomes_demonstrations() -> None:
    engine = Second()
    (found,) = Wanted(together=False).propose(shown(chain(), engine))
    (edit,) = found.edits
    assert isinstance(edit, SetDemos) and edit.node == "first"
    rows = {row.id: row for row in ROWS}
    assert edit.demos
    for demo in edit.demos:
        right = (rows[demo.source].targets or ("",))[0]
        assert demo.inputs == rows[demo.source].inputs
        assert demo.output["answer"].upper() == right  # the guess or the target itself


class Roundabout(Second):
    """What leads to the answer is the answer itself, or a longer way that ends with it."""

    def _work(self, request: GenerateRequest) -> str | None:
        said = super()._work(request)
        return said and said.replace('"handed_on": "', '"handed_on": "it is one of ')

    def score(self, requests: Sequence[ScoreRequest], watch: Watcher | None = None) -> list[Score]:
        found = super().score(requests, watch)
        for place, request in enumerate(requests):
            done = request.messages[-1].content.upper()
            odds = tuple(
                -0.1 if target == done else -0.4 if done.endswith(target) else -5.0
                for target in request.targets
            )
            found[place] = replace(found[place], logprobs=odds)
        return found


def test_what_is_on_the_way_to_the_answer_is_tried_beside_the_answer_itself() -> None:
    best, led = Wanted(together=False).propose(shown(chain(), Roundabout()))
    rows = {row.id: (row.targets or ("",))[0] for row in ROWS}
    assert best.tried and not led.tried
    for one, direct in ((best, True), (led, False)):
        (edit,) = one.edits
        assert isinstance(edit, SetDemos) and edit.demos
        for demo in edit.demos:
            said, right = demo.output["answer"].upper(), rows[demo.source]
            assert (said == right) is direct and said.endswith(right)


class Reader(Roundabout):
    """The second node reads a longer way right only once it is shown one."""

    def _work(self, request: GenerateRequest) -> str | None:
        told, asked = request.messages[0].content, request.messages[-1].content
        shown = [message.content for message in request.messages[2:-1:2]]
        if "Name" in told and any("it is one of" in text for text in shown):
            return f"it is one of {NAMED[asked[:3]]}"
        if "Capitals" in told and any("ONE OF" not in text for text in shown):
            return asked.split()[-1].upper()
        return super()._work(request)


def test_the_last_node_learns_to_read_what_is_handed_on() -> None:
    engine = Reader()
    best, got, both = Wanted().propose(shown(chain(), engine))
    assert [one.operator for one in (got, both)] == ["got right together", "handed on and read"]
    rows = {row.id: (row.targets or ("",))[0] for row in ROWS}
    for one in (got, both):
        handed, read = one.agent.nodes
        assert handed.demos and {d.source for d in handed.demos} == {d.source for d in read.demos}
        texts = {demo.source: demo.output["answer"] for demo in handed.demos}
        for demo in read.demos:
            assert demo.inputs == {"first": texts[demo.source]}
            assert demo.output["answer"] == rows[demo.source]
            assert demo.inputs["first"].startswith("it is one of")
    known = {demo.source for demo in both.agent.last.demos}
    learnt = got.agent.sources()
    assert learnt and not learnt & known  # it got other rows right than it was shown
    assert got.tried and both.tried


def test_nodes_may_be_shown_what_is_wanted_apart() -> None:
    found = Wanted(together=False).propose(shown(chain(), Reader()))
    assert found and all(one.operator == "wanted outputs" for one in found)
    assert all(not one.agent.last.demos for one in found)


def test_an_agent_that_is_right_often_learns_from_what_it_does_itself() -> None:
    asked = shown(chain(), Reader())
    made = [one.operator for one in Wanted().propose(replace(asked, scores=[1.0] * len(ROWS)))]
    assert "handed on and read" in made and "got right together" not in made


def test_of_a_choice_all_are_tried_and_no_model_guesses() -> None:
    class Unasked(Second):
        def _work(self, request: GenerateRequest) -> str | None:
            assert "must hand on" not in request.messages[-1].content
            return super()._work(request)

    engine = Unasked("plant")
    contract = Contract((Field("answer", "choice", choices=("animal", "plant", "stone")),))
    (found,) = Wanted(together=False).propose(shown(chain(contract), engine))
    (edit,) = found.edits
    assert isinstance(edit, SetDemos)
    assert {(d.inputs["input"][:3], d.output["answer"]) for d in edit.demos} <= set(NAMED.items())
    assert {d.output["answer"] for d in edit.demos} == {"animal", "plant"}


def test_nothing_is_shown_where_nothing_is_better() -> None:
    class Hopeless(Second):
        def score(
            self, requests: Sequence[ScoreRequest], watch: Watcher | None = None
        ) -> list[Score]:
            found = super().score(requests, watch)
            return [replace(one, logprobs=tuple(-5.0 for _ in one.logprobs)) for one in found]

    assert Wanted().propose(shown(chain(), Hopeless())) == []


def test_a_node_that_is_right_already_is_shown_nothing() -> None:
    class Right(Second):
        def _work(self, request: GenerateRequest) -> str | None:
            if "Name" in request.messages[0].content:
                return NAMED[request.messages[-1].content[:3]]
            return super()._work(request)

    assert Wanted().propose(shown(chain(), Right())) == []


def test_demonstrations_that_a_node_has_may_stay() -> None:
    agent, engine = chain(), Second()
    had = (Demo({"input": "tabby cat"}, {"answer": "animal"}, "elsewhere"),)
    agent = agent.with_node(replace(agent.node("first"), demos=had))
    anew, more = Wanted(together=False).propose(shown(agent, engine))
    new = anew.agent.node("first").demos
    assert more.agent.node("first").demos == (*had, *new) and had[0] not in new


def test_nothing_is_tried_on_rows_that_the_agent_shows() -> None:
    agent, engine = chain(), Second()
    had = tuple(Demo(row.inputs, {"answer": "thing"}, row.id) for row in ROWS[:11])
    agent = agent.with_node(replace(agent.node("first"), demos=had))
    found = Wanted().propose(shown(agent, engine))
    new = {demo.source for one in found for demo in one.agent.node("first").demos}
    assert new - {row.id for row in ROWS[:11]} <= {ROWS[11].id}


@pytest.mark.parametrize(
    ("name", "contract", "can"),
    [
        ("first", Contract(), True),
        ("first", Contract((Field("answer", "number"),)), True),
        ("first", Contract((Field("reasoning"), Field())), False),
        ("second", Contract(), False),
    ],
)
def test_only_nodes_before_the_last_that_return_one_value(
    name: str, contract: Contract, can: bool
) -> None:
    assert hands_on(chain(contract), name) is can


def test_an_agent_of_one_node_has_none() -> None:
    assert Wanted().propose(proposal(single(), ROWS)) == []


@pytest.mark.parametrize(("left", "learns"), [(1e9, True), (20, False)])
def test_learning_together_takes_its_part_of_the_budget(left: float, learns: bool) -> None:
    asked = replace(shown(chain(), Reader()), left=left)
    made = [one.operator for one in Wanted().propose(asked)]
    assert "handed on and read" in made and ("got right together" in made) is learns


def test_nobody_tries_on_where_none_of_the_first_rows_is_right() -> None:
    class Deaf(Reader):
        def _work(self, request: GenerateRequest) -> str | None:
            if "Capitals" in request.messages[0].content:
                self.read.append(request)
                return "NOTHING"
            return super()._work(request)

    engine = Deaf()
    engine.read = list[GenerateRequest]()
    many = [replace(ROWS[n % 12], id=f"m{n}") for n in range(40)]
    asked = replace(shown(chain(), engine), pool=many)
    engine.read.clear()
    made = [one.operator for one in Wanted().propose(asked)]
    assert "handed on and read" in made and "got right together" not in made
    assert len(engine.read) == 12
