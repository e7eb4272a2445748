"""Guards: each thing that no candidate may be, and nothing else, is refused."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from slearn.agent import Agent, Contract, Demo, Field
from slearn.call import call
from slearn.engine import open_engine
from slearn.optim import Candidate, Guards, InsertLine, ReplaceLine, SetDemos, apply_all
from slearn.optim.edits import Edit
from tests.optim.proposals import LABELS, chain, single

INPUTS = [
    "my parcel never came to Oslo and nobody tells me why",
    "I was charged twice for one invoice in the month of May",
    "short one",
    "我的包裹一直没有送到而且没有人告诉我为什么会这样我很生气",
]
count = open_engine(None).count_tokens


def guards(inputs: Sequence[str] = INPUTS, **named: int) -> Guards:
    return Guards(count, inputs, **named)


def candidate(*edits: Edit, agent: Agent | None = None, operator: str = "edit lines") -> Candidate:
    return Candidate(operator, apply_all(agent or single(), edits), edits)


def line(text: str) -> Candidate:
    return candidate(ReplaceLine("answer", 0, text))


def test_a_sound_candidate_passes_once() -> None:
    guard = guards()
    good = line("Name the queue that should answer the request.")
    assert guard.refuse(good) == ""
    assert guard.refuse(good) == "tried before"


def test_what_was_seen_is_not_tried_again() -> None:
    guard = guards()
    guard.seen(single())
    assert guard.refuse(candidate(InsertLine("answer", 1, "x"))) == ""
    assert guard.refuse(line("Name the queue.")) == "tried before"


def test_a_refused_candidate_counts_as_tried() -> None:
    guard = guards()
    leaking = line(INPUTS[0])
    assert "quotes" in guard.refuse(leaking)
    assert guard.refuse(leaking) == "tried before"


def test_nearly_the_same_lines_are_not_tried_twice() -> None:
    guard = guards()
    text = "Name the one queue that should look at the request of a customer first"
    assert guard.refuse(line(text)) == ""
    assert guard.refuse(line(text.upper() + "!")) == "nearly the same lines were tried before"
    longer = candidate(ReplaceLine("answer", 0, text), InsertLine("answer", 1, "In lower case."))
    assert guard.refuse(longer) == ""
    tip = candidate(InsertLine("answer", 0, text + "."), operator="tip")
    assert guard.refuse(tip) == ""  # only the model's drafts repeat themselves


@pytest.mark.parametrize(
    "text",
    [
        INPUTS[0],
        f"When it says: {INPUTS[0]}, answer delivery.",
        "My parcel never came to Oslo, and nobody tells me why!",
        "Charged twice for one invoice in the month of May",
        "Delivery: 我的包裹一直没有送到而且没有人告诉我为什么会这样我很生气了 is such a case.",
    ],
)
def test_a_line_that_quotes_an_input_is_refused(text: str) -> None:
    assert guards().refuse(line(text)) == "quotes an input of the data"


@pytest.mark.parametrize("text", ["short one", "A parcel that never came is delivery.", "May"])
def test_common_words_are_no_quotation(text: str) -> None:
    assert guards().refuse(line(text)) == ""


def test_an_agent_whose_own_lines_quote_an_input_can_still_be_trained() -> None:
    own = single([f"For example: {INPUTS[0]} is delivery."])
    assert guards().refuse(candidate(InsertLine("answer", 1, "In lower case."), agent=own)) == ""


def test_demonstrations_may_hold_inputs() -> None:
    shown = Demo({"input": INPUTS[0]}, {"answer": "delivery"}, "e1")
    assert guards().refuse(candidate(SetDemos("answer", (shown,)), operator="demos")) == ""


@pytest.mark.parametrize(
    "name", ["loss", "gradient", "judge", "edit_lines", "edit_demos", "induce"]
)
def test_the_trainers_own_instructions_are_refused(name: str) -> None:
    told = call(name)
    short = len(told.system.split()) < 9  # too short to tell: what stands at the end of the prompt
    words = (told.user.strip().splitlines()[-1] if short else told.system).split()
    assert "trainer's own" in guards().refuse(line(" ".join(words[:9]).upper()))
    assert guards().refuse(line(" ".join(words[:4]))) == ""


def test_a_prompt_over_the_cap_is_refused_with_its_size() -> None:
    guard = guards(prompt_cap=50, change_cap=10_000)
    reason = guard.refuse(line("word " * 60))
    assert reason.startswith("prompt of 'answer' has ") and reason.endswith("the cap is 50")
    size = int(reason.split()[4])
    assert guards(prompt_cap=size, change_cap=10_000).refuse(line("word " * 60)) == ""
    demos = tuple(Demo({"input": "word " * 20}, {"answer": LABELS[0]}, str(n)) for n in range(4))
    assert "the cap is 50" in guards(prompt_cap=50).refuse(
        candidate(SetDemos("answer", demos), operator="demos")
    )


def test_every_node_is_under_the_cap() -> None:
    long = candidate(InsertLine("first", 0, "word " * 60), agent=chain())
    assert "prompt of 'first'" in guards(prompt_cap=50).refuse(long)


def test_a_change_over_the_learning_rate_is_refused() -> None:
    guard = guards(change_cap=20)
    reason = guard.refuse(line("word " * 30))
    assert reason == "changes 30 tokens at once, the learning rate allows 20"
    two = candidate(ReplaceLine("answer", 0, "word " * 11), InsertLine("answer", 1, "more " * 11))
    assert "changes 22 tokens" in guards(change_cap=20).refuse(two)


def test_the_longest_input_must_still_fit() -> None:
    inputs = [*INPUTS, "token " * 300]
    small = line("Name the queue, please.")
    assert guards(inputs).refuse(small) == ""
    assert guards(inputs, window=600).refuse(small) == ""
    assert "no room for the longest input" in guards(inputs, window=330).refuse(small)
    chained = candidate(InsertLine("first", 0, "Be brief."), agent=chain())
    assert "no room for the longest input" in guards(inputs, window=330).refuse(chained)


def test_choices_that_differ_by_example_have_room_too() -> None:
    contract = Contract((Field("answer", "choice"),))
    assert (
        guards().refuse(
            candidate(InsertLine("answer", 0, "Choose."), agent=single(("A.",), contract))
        )
        == ""
    )
