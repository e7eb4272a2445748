"""The gradient of a choice: who sent rows the wrong way is measured by going the other ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from slearn.agent import Agent, Branch, Contract, Field, Flow, Node, Role
from slearn.engine import GenerateRequest, Score, ScoreRequest, Watcher
from slearn.engine.scripted import ScriptedEngine
from slearn.errors import ContextError
from slearn.grad import Attribution, choices
from slearn.grad.choices import choosers
from slearn.optim import DropParts, Tips
from slearn.optim.blame import by_blame
from slearn.train import TrainData
from slearn.values import Example
from tests.optim.proposals import proposal
from tests.training import toy

KINDS = ("loud", "quiet")
CHOICE = Contract((Field("answer", "choice", choices=KINDS),))


def row(number: int) -> Example:
    kind, word = KINDS[number % 2], f"word{number}"
    return Example(f"e{number}", {"input": f"{kind} {word}"}, (f"{kind}-{word}",))


ROWS = [row(number) for number in range(12)]


class Worker(ScriptedEngine):
    """The router says `say`, or what the order says; each way does what its node is told."""

    def __init__(self, say: str = "", broken: str = "") -> None:
        self._say, self._broken = say, broken
        self.asked = 0
        super().__init__(self._work)

    def _work(self, request: GenerateRequest) -> str | None:
        told, asked = request.messages[0].content, request.messages[-1].content
        if not asked.startswith(KINDS) or len(asked.split()) != 2:
            return None
        if "Choose" in told or "one of" in told:
            return self._say or asked.split()[0]
        return self._done(told, asked)

    def _done(self, told: str, asked: str) -> str:
        return "broken" if told == self._broken else f"{told}-{asked.split()[1]}"

    def score(self, requests: Sequence[ScoreRequest], watch: Watcher | None = None) -> list[Score]:
        found = super().score(requests, watch)
        self.asked += len(requests)
        for place, one in enumerate(requests):
            done = self._done(one.messages[0].content, one.messages[-1].content)
            odds = tuple(-0.1 if target == done else -8.0 for target in one.targets)
            found[place] = replace(found[place], logprobs=odds)
        return found


def routed(on: str = "kind", contract: Contract = CHOICE) -> Agent:
    nodes = (
        Node("kind", ("Choose.",), output=contract),
        Node("first", ("loud",), writes="said"),
        Node("second", ("quiet",), writes="said"),
    )
    branch = Branch(on, (("loud", ("first",)), ("quiet", ("second",))))
    return Agent("a", nodes, Flow(("kind", branch)))


def test_who_sends_rows_the_wrong_way_is_at_fault() -> None:
    agent, engine = routed(), Worker("quiet")
    found = choices(agent, ROWS, engine)
    assert found == [Attribution("kind", "choice", 0, -7.9, 6)]  # the six that wanted it loud
    assert found[0].text() == "the choice of the way hurts by 7.90 nats"
    assert engine.asked == 12 + 6  # only rows that fail go another way


def test_it_stands_before_all_other_measures() -> None:
    agent, engine = routed(), Worker("quiet")
    found = choices(agent, ROWS, engine)
    worse = [Attribution("second", "line", 0, -20.0, 8), *found]
    assert by_blame(replace(proposal(agent, ROWS), attributions=worse))[:2] == ["kind", "second"]


def test_a_router_is_not_at_fault_where_a_way_is_broken() -> None:
    agent, engine = routed(), Worker(broken="quiet")
    assert choices(agent, ROWS, engine) == []


def test_one_row_on_the_wrong_way_is_no_fault() -> None:
    agent, engine = routed(), Worker("quiet")
    few = [one for one in ROWS if one.inputs["input"].startswith("quiet")]
    assert choices(agent, [*few, ROWS[0]], engine) == []


def test_rows_without_targets_tell_nothing() -> None:
    agent, engine = routed(), Worker("quiet")
    told = [replace(one, targets=None) for one in ROWS]
    assert choices(agent, told, engine) == []


def test_who_chooses_is_read_from_the_flow() -> None:
    assert [node.name for node in choosers(routed())] == ["kind"]
    assert [node.name for node in choosers(routed("kind.answer"))] == ["kind"]
    assert choosers(routed(contract=Contract())) == []  # any text
    many = Contract((Field("answer", "choice", choices=(*KINDS, *map(str, range(40)))),))
    assert choosers(routed(contract=many)) == []
    assert choosers(Agent("a", (Node("n", ()),), Flow(("n",)))) == []


def test_a_choice_cannot_be_dropped() -> None:
    agent = routed()
    found = [Attribution("kind", "choice", 0, -7.9, 6)]
    assert DropParts().propose(replace(proposal(agent, ROWS), attributions=found)) == []


def test_of_many_choices_fewer_rows_go_all_ways() -> None:
    others = tuple(f"way{n}" for n in range(7))
    contract = Contract((Field("answer", "choice", choices=(*KINDS, *others)),))
    agent, engine = routed(contract=contract), Worker("quiet")
    nodes = (*agent.nodes, Node("rest", ("rest",), writes="said"))
    branch = replace(agent.flow.steps[1], other=("rest",))  # type: ignore[type-var]
    agent = replace(agent, nodes=nodes, flow=Flow(("kind", branch)))
    assert choices(agent, ROWS, engine) == [Attribution("kind", "choice", 0, -7.9, 3)]
    assert engine.asked == 12 + 3 * 8


def test_a_way_that_has_no_room_tells_nothing() -> None:
    class Narrow(Worker):
        def score(
            self, requests: Sequence[ScoreRequest], watch: Watcher | None = None
        ) -> list[Score]:
            if any(one.messages[0].content == "loud" for one in requests):
                raise ContextError(where="a node", needed=9, available=8)
            return super().score(requests, watch)

    agent = routed()
    assert choices(agent, ROWS, Narrow("quiet")) == []


def test_what_roles_of_a_chooser_say_is_no_choice() -> None:
    agent, engine = routed(), Worker("quiet")
    node = replace(agent.node("kind"), roles=(Role("critic", "Doubt it."),))
    agent = agent.with_node(node)
    (found,) = choices(agent, ROWS, engine)
    assert (found.node, found.nats, found.n) == ("kind", -7.9, 6)


def test_a_training_step_measures_choices(tmp_path: Path) -> None:
    settings = replace(toy.SHORT, max_steps=1)
    given = TrainData(ROWS * 3, ROWS, None)
    rows = [replace(one, id=f"{one.id}/{place}") for place, one in enumerate(given.train)]
    given = replace(given, train=rows)
    store_path = tmp_path / "store.duckdb"
    toy.run(
        store_path,
        engine=Worker("quiet"),
        agent=routed(),
        given=given,
        settings=settings,
        optimizers=[Tips()],
    )
    found = toy.recorded(store_path)["records"]["attributions"]
    assert [one["node"] for one in found if one["part"] == "choice"] == ["kind"]
