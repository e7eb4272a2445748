"""Calibration: the bias that takes back what a model leans towards anyway."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slearn.agent import Contract, Demo, Field, forward
from slearn.engine import Score, ScoreRequest, Watcher
from slearn.engine.scripted import ScriptedEngine
from slearn.loss import measured_loss
from slearn.optim import Calibrate, SetContract
from slearn.optim.calibrate import fit_bias, fitting_rows
from slearn.values import Usage
from tests.optim.proposals import LABELS, proposal, rows, single


class Leaning(ScriptedEngine):
    """Knows the right label, and leans towards the first by three nats more than it should."""

    def score(self, requests: Sequence[ScoreRequest], watch: Watcher | None = None) -> list[Score]:
        self.rounds += 1
        return [Score(tuple(self._of(r, t) for t in r.targets), Usage(1)) for r in requests]

    def _of(self, request: ScoreRequest, target: str) -> float:
        right = LABELS[int(request.messages[-1].content.split()[-1]) % 3]
        return -4.0 + 2.0 * (target == right) + 3.0 * (target == LABELS[0])


def test_a_leaning_model_is_put_right() -> None:
    engine, pool = Leaning(), rows(30)
    (candidate,) = Calibrate().propose(proposal(single(), pool, engine=engine))
    (edit,) = candidate.edits
    assert isinstance(edit, SetContract)
    answer = candidate.agent.last.output.answer
    assert answer.decide == "likelihood" and answer.bias[0] < -1 < 0 < min(answer.bias[1:])
    unseen = rows(60)[30:]
    weighed = replace(answer, bias=())
    plain = single(contract=Contract((weighed,)))
    right = [t.answer == t.example.targets[0] for t in forward(candidate.agent, unseen, engine)]
    assert all(right)
    assert sum(t.answer == LABELS[0] for t in forward(plain, unseen, engine)) == 30
    old = sum(measured_loss(plain, unseen, engine))
    assert sum(measured_loss(candidate.agent, unseen, engine)) < old


def test_demos_stay_and_their_rows_are_not_fitted_on() -> None:
    pool = rows(30)
    demos = tuple(Demo({"input": row.inputs["input"]}, {"answer": LABELS[0]}, row.id)
                  for row in pool[:4])  # fmt: skip
    agent = single()
    agent = agent.with_node(replace(agent.last, demos=demos))
    engine = Leaning()
    (candidate,) = Calibrate().propose(proposal(agent, pool, engine=engine))
    assert candidate.agent.last.demos == demos
    assert Calibrate().propose(proposal(agent, pool[:11], engine=engine)) == []  # seven are left


def test_long_choices_are_weighed_on_fewer_rows_and_have_their_price() -> None:
    short, long = proposal(single(), rows(60)), [f"{name} {'x ' * 40}" for name in LABELS]
    count = short.engine.count_tokens
    said = sum(map(count, LABELS))
    assert Calibrate().refine_price(short, single(), 10.0) == (48 * (10.0 + said), said)
    told = [replace(row, targets=(long[n % 3],)) for n, row in enumerate(rows(60))]
    dear = single(contract=Contract((Field("answer", "choice", choices=tuple(long)),)))
    taken = len(fitting_rows(proposal(dear, told), dear, long))
    assert taken == max(8, 1500 // sum(map(count, long))) < 48
    plain = single(contract=Contract((Field(),)))
    assert Calibrate().refine_price(short, plain, 10.0) == (0.0, 0.0)


@pytest.mark.parametrize(
    "contract",
    [
        Contract((Field(),)),
        Contract((Field("answer", "choice"),)),  # every row brings its own
        Contract((Field("answer", "choice", choices=("one",)),)),
        Contract((Field("answer", "choice", choices=LABELS), Field("why"))),
    ],
)
def test_what_has_no_choice_among_few_is_left_alone(contract: Contract) -> None:
    assert Calibrate().propose(proposal(single(contract=contract), rows(30))) == []


@given(
    st.lists(
        st.tuples(st.lists(st.floats(-50, 0), min_size=3, max_size=3), st.integers(0, 2)),
        min_size=1,
        max_size=20,
    )
)
def test_a_fit_never_makes_its_own_rows_less_likely(
    found: list[tuple[list[float], int]],
) -> None:
    weights, right = [row for row, _ in found], [place for _, place in found]
    bias = fit_bias(weights, right)
    assert abs(sum(bias)) < 0.05 and all(map(math.isfinite, bias))
    assert loss(weights, right, bias) <= loss(weights, right, (0.0,) * 3) + 0.02


def loss(weights: list[list[float]], right: list[int], bias: Sequence[float]) -> float:
    total = sum(value**2 for value in bias) / (2 * 1.5**2)
    for row, place in zip(weights, right, strict=True):
        shifted = [a + b for a, b in zip(row, bias, strict=True)]
        top = max(shifted)
        total += top + math.log(sum(math.exp(s - top) for s in shifted)) - shifted[place]
    return total / len(weights)


def test_a_known_shift_is_found_again() -> None:
    chance = random.Random(0)
    weights, right = [], []
    for _ in range(2000):
        true = [chance.gauss(0, 1) for _ in range(3)]
        weigh = [math.exp(value) for value in true]
        right.append(chance.choices(range(3), weigh)[0])
        weights.append([a - b for a, b in zip(true, (1.0, 0.0, -1.0), strict=True)])
    assert fit_bias(weights, right) == pytest.approx((1.0, 0.0, -1.0), abs=0.15)
