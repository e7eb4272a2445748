from __future__ import annotations

from slearn.agent import Contract, Field
from slearn.budget import PROMPT_SHARE, measure_speed, prompt_share, with_token_budget
from slearn.engine import open_engine
from slearn.settings import TrainSettings
from slearn.values import Example
from tests.optim.proposals import single


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


def test_answers_that_must_be_graded_are_written_first() -> None:
    """Without targets more of a run is written, which is slower than reading."""
    told = [Example("1", {"input": "word " * 20}, ("right",))]
    untold = [Example("1", {"input": "word " * 20})]
    agent = single(contract=Contract((Field(max_tokens=240),)))
    assert prompt_share(agent, told, len) == PROMPT_SHARE
    # an input and an answer read, 2 x 100 + 120 and what a judge is asked; 120 written
    assert prompt_share(agent, untold, len) == 420 / 540
    assert prompt_share(agent, [], len) == PROMPT_SHARE


def test_speed_is_measured_by_the_clock_that_is_given() -> None:
    ticks = iter([0.0, 2.0, 5.0])
    speed = measure_speed(open_engine(None), clock=lambda: next(ticks))
    assert 0 < speed.mixed() < speed.prompt
