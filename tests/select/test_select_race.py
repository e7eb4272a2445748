"""The race: the better candidate wins, all run on the same rows, losers cost little."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slearn.agent import Agent, Contract, Demo, Field, Flow, Node
from slearn.engine import Score, ScoreRequest, Watcher
from slearn.engine.scripted import ScriptedEngine
from slearn.loss import shortfall
from slearn.optim import Candidate
from slearn.select import Cost, Lap, cheapest, layouts, race, race_price, rungs
from slearn.values import Example, Tool, Usage

LABELS = ("yes", "no")


def agent(line: str = "Old.", demos: Sequence[Demo] = ()) -> Agent:
    contract = Contract((Field("answer", "choice", choices=LABELS),))
    return Agent("a", (Node("n", (line,), output=contract, demos=tuple(demos)),), Flow(("n",)))


def rows(count: int) -> list[Example]:
    return [
        Example(str(n), {"input": f"row{n} {LABELS[n % 2]}"}, (LABELS[n % 2],))
        for n in range(count)
    ]


class Planted(ScriptedEngine):
    """Scores by a loss planted in the first word of the instructions; keeps who ran on what."""

    def __init__(self, noise: float = 0.0) -> None:
        super().__init__()
        self.ran: dict[str, list[str]] = defaultdict(list)
        self._noise = noise

    def score(self, requests: Sequence[ScoreRequest], watch: Watcher | None = None) -> list[Score]:
        self.rounds += 1
        found = []
        for request in requests:
            who, row = request.messages[0].content.splitlines()[0], request.messages[-1].content
            self.ran[who].append(row.split()[0])
            shift = self._noise * (int(row.split()[0][3:]) % 5)  # hard rows are hard for all
            found.append(Score((-float(who) - shift,), Usage(1)))
        return found


def candidate(loss: float) -> Candidate:
    return Candidate("planted", agent(str(loss)), ())


def test_a_planted_better_candidate_wins() -> None:
    engine = Planted(noise=0.5)
    field = [candidate(loss) for loss in (2.5, 1.0, 2.0, 3.0, 1.5)]
    laps = race(agent("2.2"), field, rows(24), engine, engine)
    assert [lap.candidate for lap in laps[:2]] == [field[1], field[4]]
    assert [lap.out for lap in laps] == [False, False, True, True, True]
    assert laps[0].gain > laps[1].gain > 0
    assert len(laps) == len(field)
    body = laps[0].as_json()
    assert body["n"] == 24 and body["incumbent"] - body["loss"] == pytest.approx(1.2)


def test_all_run_on_the_same_rows_and_losers_on_few() -> None:
    engine = Planted()
    field = [candidate(loss) for loss in (1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6)]
    laps = race(agent("9.0"), field, rows(24), engine, engine)
    assert engine.rounds == 3
    assert engine.ran["9.0"] == [f"row{n}" for n in range(24)]
    for lap in laps:
        ran = engine.ran[lap.candidate.agent.last.instructions[0]]
        assert ran == engine.ran["9.0"][: len(ran)]
        assert len(lap.losses) == len(lap.incumbent) == len(ran)
    assert [len(lap.losses) for lap in laps] == [24] * 2 + [8] * 2 + [4] * 3


def test_candidates_no_better_than_the_incumbent_are_out() -> None:
    engine = Planted()
    laps = race(agent("1.0"), [candidate(1.0), candidate(2.0)], rows(9), engine, engine)
    assert all(lap.out for lap in laps)
    assert [lap.gain for lap in laps] == [0.0, shortfall(1.0) - shortfall(2.0)]


def test_demonstrations_help_the_memory_and_win() -> None:
    engine = ScriptedEngine()
    right = [Demo({"input": f"row {label}"}, {"answer": label}) for label in LABELS]
    wrong = [Demo({"input": f"row {a}"}, {"answer": b}) for a, b in (LABELS, LABELS[::-1])]
    field = [
        Candidate(name, agent(demos=d), ()) for name, d in (("wrong", wrong), ("right", right))
    ]
    laps = race(agent(), field, rows(12), engine, engine)
    assert laps[0].candidate.operator == "right" and not laps[0].out
    assert laps[1].candidate.operator == "wrong" and laps[1].gain < laps[0].gain - 1


@given(
    st.lists(st.integers(0, 6), max_size=8),
    st.integers(0, 6),
    st.integers(0, 15),
    st.integers(1, 3),
)
def test_laps_are_ordered_and_paired(
    losses: list[int], old: int, count: int, finalists: int
) -> None:
    engine = Planted(noise=0.1)
    field = [candidate(float(loss)) for loss in losses]
    laps = race(agent(f"{old}.0"), field, rows(count), engine, engine, finalists=finalists)
    assert sorted(map(id, (lap.candidate for lap in laps))) == sorted(map(id, field))
    through = [lap for lap in laps if not lap.out]
    assert len(through) <= finalists
    assert laps[: len(through)] == through
    if count and field:
        best = min(losses)
        assert float(laps[0].candidate.agent.last.instructions[0]) == best
        assert bool(through) == (best < old)
    for lap in laps:
        assert len(lap.losses) == len(lap.incumbent) <= count


@pytest.mark.parametrize(
    ("count", "sizes"), [(0, []), (1, [1]), (4, [3, 1]), (7, [3, 3, 1]), (24, [4, 4, 16])]
)
def test_a_few_come_first(count: int, sizes: list[int]) -> None:
    parts = rungs(rows(count), layouts(count)[0])
    assert [len(part) for part in parts] == sizes
    assert [example for part in parts for example in part] == rows(count)


def test_where_prompts_are_long_beside_the_rows_there_are_fewer_rungs() -> None:
    short, long = [Cost(100.0, 40.0)] * 10, [Cost(900.0, 10.0)] * 10
    assert cheapest(short, rows(24)) == (4, 4, 16) and cheapest(long, rows(24)) == (24,)
    # 11 prompts, the incumbent's too, and 24 rows for each; three rungs would read 21 prompts
    assert race_price(long, rows(24), 0) - 3 * 900 == 11 * (900 + 240)
    engine = Planted()
    field = [candidate(loss) for loss in (1.0, 1.1, 1.2, 1.3, 1.4)]
    laps = race(agent("9.0"), field, rows(24), engine, engine, cuts=(24,))
    assert engine.rounds == 1 and [len(lap.losses) for lap in laps] == [24] * 5
    assert [lap.out for lap in laps] == [False, False, True, True, True]


@given(st.integers(0, 40))
def test_all_rows_are_in_a_rung_however_they_are_cut(count: int) -> None:
    for cuts in layouts(count):
        assert [one for part in rungs(range(count), cuts) for one in part] == list(range(count))


def test_an_empty_lap_gains_nothing() -> None:
    assert Lap(candidate(1.0), (), ()).gain == 0.0


def test_more_often_right_beats_never_sure() -> None:
    """Reasoning is right on half the rows and sure of a wrong answer on the others."""
    reasons = candidate(0.0)
    laps = [
        Lap(reasons, (0.01, 12.0) * 12, (5.0,) * 24),
        Lap(candidate(4.5), (4.5,) * 24, (5.0,) * 24),
    ]
    assert sum(laps[0].losses) > sum(laps[1].losses)  # by nats it would lose
    assert laps[0].score < laps[1].score and laps[0].gain > laps[1].gain > 0
    assert laps[0].as_json()["gain"] == round(laps[0].gain, 4)


class ByRow(Planted):
    """One who is called "bold" is all wrong on most of the first rows, and right later on."""

    def score(self, requests: Sequence[ScoreRequest], watch: Watcher | None = None) -> list[Score]:
        found = []
        for request in requests:
            who, row = request.messages[0].content.splitlines()[0], request.messages[-1].content
            place = int(row.split()[0][3:])
            loss = (12.0 if place in (0, 1, 3) else 0.01) if who == "bold" else float(who)
            found.append(Score((-loss,), Usage(1)))
        return found


def test_who_is_all_right_or_all_wrong_does_not_fall_out_by_a_few_rows() -> None:
    engine = ByRow()
    bold = Candidate("bold", agent("bold"), ())
    others = [candidate(loss) for loss in (2.0, 2.1, 2.2, 2.3, 2.4, 2.5)]
    laps = race(agent("3.0"), [*others, bold], rows(24), engine, engine)
    few = [12.0, 12.0, 0.01, 12.0]
    assert sum(map(shortfall, few)) / 4 > shortfall(2.5)  # by its mean it would be the last
    assert laps[0].candidate is bold and not laps[0].out
    assert laps[1].candidate is others[0] and not laps[1].out


def test_a_longer_prompt_must_save_what_it_costs() -> None:
    engine = Planted()
    long, short = candidate(1.0), candidate(1.01)
    sizes = {"1.0": 900, "1.01": 100, "1.2": 100}

    def size(agent: Agent) -> int:
        return sizes[agent.last.instructions[0]]

    laps = race(agent("1.2"), [long, short], rows(9), engine, engine, size=size)
    assert [lap.candidate for lap in laps] == [short, long]
    assert laps[0].price == 0.0 and laps[1].price == pytest.approx(0.16)
    assert not laps[0].out and laps[1].out  # it saves less than its words cost
    assert race(agent("1.2"), [long, short], rows(9), engine, engine)[0].candidate is long


def test_who_is_not_better_takes_no_place_in_the_final() -> None:
    class Alternating(Planted):
        def score(
            self, requests: Sequence[ScoreRequest], watch: Watcher | None = None
        ) -> list[Score]:
            found = []
            for request in requests:
                who, row = request.messages[0].content.splitlines()[0], request.messages[-1].content
                odd = int(row.split()[0][3:]) % 12 < 7
                loss = (50.0 if odd else 0.0) if who == "wild" else float(who)
                found.append(Score((-loss,), Usage(1)))
            return found

    engine = Alternating()
    wild = Candidate("wild", agent("wild"), ())
    best, good, worse = candidate(0.8), candidate(1.2), candidate(3.0)
    laps = race(agent("1.4"), [wild, worse, best, good], rows(24), engine, engine)
    through = [lap.candidate for lap in laps if not lap.out]
    assert through == [best, good] and all(lap.gain > 0 for lap in laps if not lap.out)


def test_a_shorter_prompt_has_no_bonus() -> None:
    engine = Planted()
    short = candidate(1.1)
    (lap,) = race(
        agent("1.0"), [short], rows(9), engine, engine,
        size=lambda one: 100 if one == short.agent else 1000,
    )  # fmt: skip
    assert lap.price == 0 and lap.gain < 0 and lap.out


def reasoning(loss: float) -> Candidate:
    made = agent(str(loss))
    contract = Contract((Field("reasoning"), *made.last.output.fields))
    return Candidate("reasons", made.with_node(replace(made.last, output=contract)), ())


@pytest.mark.parametrize(("make", "count"), [(candidate, 24), (reasoning, 8)])
def test_where_nobody_can_fall_out_those_that_write_are_not_raced_on(
    make: Callable[[float], Candidate], count: int
) -> None:
    engine, field = Planted(), [make(loss) for loss in (1.1, 1.0, 1.2)]
    laps = race(agent("9.0"), field, rows(24), engine, engine)
    assert [lap.candidate for lap in laps] == [field[1], field[0], field[2]]
    assert [len(lap.losses) for lap in laps] == [count, count, 4]
    whole = race(agent("9.0"), field[:2], rows(24), engine, engine, whole=True)
    assert [len(lap.losses) for lap in whole] == [24, 24]


def test_who_answers_in_another_way_has_a_seat_in_the_final() -> None:
    """All right or all wrong, its loss says less than its answers: validation compares them."""
    engine = Planted()
    field = [candidate(loss) for loss in (1.0, 1.1, 1.2)]
    calling = candidate(2.0)
    node = calling.agent.last
    tool = Tool("count", code="def count(text: str) -> int:\n    return len(text)\n")
    calling = Candidate("helper", calling.agent.with_node(replace(node, tools=(tool,))), ())
    assert Lap(calling).way != Lap(field[0]).way
    other = reasoning(2.0)
    laps = race(agent("9.0"), [*field, other], rows(24), engine, engine, cuts=(24,))
    assert [lap.candidate for lap in laps if not lap.out] == [field[0], other]
    worse = race(agent("1.5"), [*field, other], rows(24), engine, engine, cuts=(24,))
    assert [lap.candidate for lap in worse if not lap.out] == field[:2]


def test_the_best_of_those_that_reason_runs_until_the_last_rung() -> None:
    engine = Planted()
    slow, slower = reasoning(2.4), reasoning(2.45)
    field = [candidate(loss) for loss in (1.0, 1.1, 1.2, 1.3, 1.4, 1.5)]
    laps = race(agent("9.0"), [slower, *field, slow], rows(24), engine, engine)
    found = {lap.candidate.agent.last.instructions[0]: len(lap.losses) for lap in laps}
    assert found["2.4"] == 24 and found["2.45"] == 4
    assert [lap.candidate for lap in laps[:2]] == [field[0], slow] and laps[2].out
