from __future__ import annotations

from slearn.budget import measure_speed, with_token_budget
from slearn.engine import open_engine
from slearn.settings import TrainSettings


def test_minutes_become_tokens_and_stay_with_the_settings() -> None:
    settings = with_token_budget(TrainSettings(budget_minutes=2.0), open_engine(None))
    assert settings.budget_tokens and settings.budget_tokens > 0
    assert settings.budget_minutes == 2.0


def test_of_two_budgets_the_smaller_holds() -> None:
    both = TrainSettings(budget_tokens=5, budget_minutes=100.0)
    assert with_token_budget(both, open_engine(None)).budget_tokens == 5


def test_tokens_alone_need_no_clock() -> None:
    alone = TrainSettings(budget_tokens=7, budget_minutes=None)
    assert with_token_budget(alone, open_engine(None)) == alone


def test_speed_is_measured_by_the_clock_that_is_given() -> None:
    ticks = iter([0.0, 2.0, 5.0])
    speed = measure_speed(open_engine(None), clock=lambda: next(ticks))
    assert 0 < speed.mixed < speed.prompt
