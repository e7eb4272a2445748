"""Turns: what does not pay waits, longer each time; what pays is asked every step."""

from __future__ import annotations

from slearn.optim import Candidate, Turns
from tests.optim.proposals import proposal, single


def played(wins: set[int], steps: int = 20) -> list[int]:
    """The steps in which an optimizer proposed, that reaches the final in those of `wins`."""
    turns, asked = Turns(), []
    for step in range(steps):
        if turns.due("x", step):
            asked.append(step)
            made = [Candidate("x", single(), ())]
            turns.note("x", step, made, made if step in wins else [])
    return asked


def test_an_optimizer_knows_how_often_it_was_asked_and_that_was_paid_for() -> None:
    turns = Turns()
    given = proposal(single(), [])
    turns.paid("tip", 0)  # it had nothing to say
    assert turns.shown(given, "tip").asked == 0
    turns.paid("tip", 0, made=2)
    turns.paid("tip", 90)
    assert turns.shown(given, "tip").asked == 2


def test_waiting_doubles_after_each_try_in_vain() -> None:
    assert played(set()) == [0, 2, 6, 14]


def test_a_final_ends_the_waiting() -> None:
    assert played({0, 1, 2}) == [0, 1, 2, 3, 5, 9, 17]
    assert played({2}) == [0, 2, 3, 5, 9, 17]


def test_who_reaches_finals_for_fewer_tokens_is_asked_first() -> None:
    turns = Turns()
    names = ["free", "cheap", "dear", "late"]
    assert turns.order(names, 0) == names
    for name, tokens in (("cheap", 500), ("dear", 4000)):
        turns.paid(name, tokens)
    assert turns.order(names, 0) == ["free", "late", "cheap", "dear"]
    for name in ("cheap", "dear"):
        made = [Candidate(name, single(), ())]
        turns.note(name, 0, made, made)
    turns.note("late", 0, [], [])
    assert turns.order(names, 1) == ["cheap", "free", "dear"]  # and one waits
    assert turns.order(names, 2) == ["cheap", "free", "late", "dear"]


def test_an_equal_candidate_of_another_does_not_count() -> None:
    turns = Turns()
    turns.note("x", 0, [Candidate("x", single(), ())], [Candidate("x", single(), ())])
    assert not turns.due("x", 1) and turns.due("y", 1)
