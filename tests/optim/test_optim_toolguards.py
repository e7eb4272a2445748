"""Guards of tools: code and descriptions may not quote the data, and their prompts must fit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from slearn.agent import Agent, Contract, Demo, Field, ToolCall, forward
from slearn.engine.scripted import ScriptedEngine
from slearn.optim import Candidate, Edit, Guards, RewriteTool, SetTools, apply_all
from slearn.tools import ToolEngine, tool_from_code
from slearn.values import Example, Tool
from tests.optim.proposals import chain, single
from tests.optim.writers import BOX, call, chained, solving

INPUTS = [
    "my parcel never came to Oslo and nobody tells me why",
    "I was charged twice for one invoice in the month of May",
    "the first line is about a lost password\nand the second one asks for a new login",
    "they say it's \"gone\" but it's not, says my neighbour's cousin in Turku",
    "short one",
]
count = ScriptedEngine().count_tokens

pytestmark = pytest.mark.usefixtures("shared_box")


def guards(**named: Any) -> Guards:
    return Guards(count, INPUTS, **named)


def candidate(*edits: Edit, agent: Agent | None = None) -> Candidate:
    return Candidate("create tool", apply_all(agent or single(), edits), edits)


def given(one: Tool, *demos: Demo) -> Candidate:
    return candidate(SetTools("answer", (one,), demos, "required", 1))


def test_a_sound_tool_passes_once() -> None:
    guard = guards()
    assert guard.refuse(given(solving())) == ""
    assert guard.refuse(given(solving())) == "tried before"
    assert guard.refuse(given(solving("return text.upper()"))) == ""


@pytest.mark.parametrize(
    "body",
    [
        f"return 'delivery' if text == '{INPUTS[0]}' else 'billing'",
        f"return {{'{INPUTS[1]}': 'billing', 'short one': 'delivery'}}.get(text, '')",
        f"# {INPUTS[0]}\nreturn 'delivery'",
        "return 'My parcel never came to Oslo, and nobody tells me why!'",
    ],
)
def test_code_that_quotes_an_input_is_refused(body: str) -> None:
    assert guards().refuse(given(solving(body))) == "quotes an input of the data"
    first = apply_all(single(), [SetTools("answer", (solving(),))])
    rewritten = candidate(RewriteTool("answer", solving(body)), agent=first)
    assert guards().refuse(rewritten) == "quotes an input of the data"


@pytest.mark.parametrize("place", [2, 3])
def test_code_that_quotes_inputs_with_escapes_is_refused(place: int) -> None:
    known = {INPUTS[place]: "account", INPUTS[place] + " And another one.": "delivery"}
    body = f"known = {known!r}\nreturn known.get(text, 'billing or delivery, who knows')"
    assert guards().refuse(given(solving(body))) == "quotes an input of the data"


def test_a_tool_without_a_description_quotes_no_input_without_words() -> None:
    guard = Guards(count, ["🎉" * 12 + "!?" * 12])
    assert guard.refuse(given(solving(said=""))) == ""


def test_a_description_that_quotes_an_input_is_refused() -> None:
    said = f"Call it when you read: {INPUTS[0]}."
    assert guards().refuse(given(solving(said=said))) == "quotes an input of the data"
    first = apply_all(single(), [SetTools("answer", (solving(),))])
    anew = candidate(RewriteTool("answer", solving(said=said)), agent=first)
    assert guards().refuse(anew) == "quotes an input of the data"


def test_a_description_of_an_argument_that_quotes_an_input_is_refused() -> None:
    first = apply_all(single(), [SetTools("answer", (solving(),))])
    parameters = solving().parameters.replace('"string"', f'"string", "description": "{INPUTS[0]}"')
    anew = candidate(RewriteTool("answer", replace(solving(), parameters=parameters)), agent=first)
    assert guards().refuse(anew) == "quotes an input of the data"


def test_calls_in_demonstrations_may_hold_inputs() -> None:
    made = ToolCall("solve", f'{{"text": "{INPUTS[0]}"}}', INPUTS[0])
    demo = Demo({"input": INPUTS[0]}, {"answer": "delivery"}, "e1", calls=(made,))
    assert guards().refuse(given(solving(), demo)) == ""


def test_common_words_in_code_are_no_quotation() -> None:
    plain = solving("return 'parcel' if 'Oslo' in text else 'short one'")
    assert guards().refuse(given(plain)) == ""


def test_the_trainers_own_words_are_refused_in_descriptions() -> None:
    said = "You describe functions for people who call them. Be exact and brief."
    assert "trainer's own" in guards().refuse(given(solving(said=said)))


def test_much_code_at_once_is_refused() -> None:
    long = solving("return " + " + ".join(["text"] * 60))
    reason = guards(change_cap=50).refuse(given(long))
    assert reason.startswith("changes ") and reason.endswith("the learning rate allows 50")
    assert guards(change_cap=200).refuse(given(long)) == ""


def test_what_a_prompt_tells_of_tools_counts() -> None:
    small, long = given(solving()), given(solving(said="word " * 60))
    cap = guards().size(small.agent)
    assert guards().size(single()) < cap < guards().size(long.agent)
    assert guards(prompt_cap=cap).refuse(small) == ""
    reason = guards(prompt_cap=cap).refuse(long)
    assert reason.startswith("prompt of 'answer' has ") and reason.endswith(f"the cap is {cap}")
    hidden = given(solving("return '" + "word " * 60 + "'"))  # a model does not read the code
    assert guards(prompt_cap=cap).refuse(hidden) == ""
    second = candidate(SetTools("first", (solving(said="word " * 60),)), agent=chain())
    assert "prompt of 'first'" in guards(prompt_cap=cap).refuse(second)


def test_calls_of_demonstrations_count() -> None:
    made = ToolCall("solve", '{"text": "word"}', "word " * 60)
    demo = Demo({"input": "word"}, {"answer": "billing"}, "e1", calls=(made,))
    assert guards().size(given(solving(), demo).agent) > guards().size(given(solving()).agent) + 60


def test_a_call_needs_room_beside_the_longest_input() -> None:
    def fits(one: Candidate, window: int) -> bool:
        return guards(window=window).refuse(one) == ""

    def least(one: Candidate) -> int:
        return next(size for size in range(50, 5000) if fits(one, size))

    bare = candidate(SetTools("answer", ()), agent=single(("Name the queue!",)))
    assert least(given(solving())) > least(bare) + 50
    reason = guards(window=least(bare)).refuse(given(solving()))
    assert "leaves no room for the longest input" in reason


OWN = solving(f"return 'delivery' if text == '{INPUTS[0]}' else 'billing'", name="mine")


def test_tools_that_stood_there_before_are_the_users_business() -> None:
    own = apply_all(single(), [SetTools("answer", (OWN,))])
    guard = guards(change_cap=30)
    guard.seen(own)
    choice = candidate(SetTools("answer", (OWN,), (), "required"), agent=own)
    assert guard.refuse(choice) == ""
    more = candidate(SetTools("answer", (OWN, solving())), agent=own)
    assert guard.refuse(more) == ""
    anew = candidate(RewriteTool("answer", replace(OWN, description="Says so.")), agent=own)
    assert guard.refuse(anew) == ""


def test_what_was_refused_once_is_new_still() -> None:
    guard = guards()
    assert guard.refuse(given(OWN)) == "quotes an input of the data"
    again = candidate(SetTools("answer", (OWN,), (), "auto", 3))
    assert guard.refuse(again) == "quotes an input of the data"


def test_a_node_that_reads_another_with_tools_has_room_for_its_answer() -> None:
    agent = chained(solving())
    sizes = {"first": 400, "answer": 900}
    nodes = (
        replace(node, max_calls=1, output=Contract((Field(max_chars=4000, max_tokens=size),)))
        for node in agent.nodes
        for name, size in sizes.items()
        if node.name == name
    )
    both = candidate(SetTools("answer", ()), agent=replace(agent, nodes=tuple(nodes)))
    assert guards(window=1500).refuse(both) == ""
    reason = guards(window=1300).refuse(both)  # what it reads and what it writes
    assert reason == "prompt of 'answer' leaves no room for the longest input"


@pytest.mark.parametrize("most", [1, 4])
def test_what_may_run_has_room_for_all_that_its_tools_give(most: int) -> None:
    told = tool_from_code("def told(text: str) -> str:\n    return 'word ' * 900 + text\n")
    agent = single()
    own = apply_all(agent, [SetTools("answer", (told,), (), "auto", most)])
    ran = []
    for window in range(200, 4000, 100):
        if guards(window=window).refuse(candidate(SetTools("answer", (told,), (), "auto", most))):
            continue
        texts = [call("told", text=f"{n} " * 12) for n in range(most)]
        engine = ScriptedEngine([*texts, "answer: billing"], window=window)
        (found,) = forward(own, [Example("1", {"input": INPUTS[0]})], ToolEngine(engine, BOX))
        assert found.answer == "billing" and len(found.steps[0].calls) == most
        ran.append(window)
    assert ran and ran[0] > 200
