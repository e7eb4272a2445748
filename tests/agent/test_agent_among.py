"""Choosing among few: the choices of the demonstrations that are most like an input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from slearn.agent import (
    Agent,
    Among,
    Block,
    Contract,
    Demo,
    Field,
    Flow,
    Node,
    Vote,
    agent_from_text,
    agent_to_text,
    flow_lines,
    forward,
)
from slearn.agent.among import among
from slearn.engine import Score, ScoreRequest, Watcher
from slearn.engine.scripted import ScriptedEngine
from slearn.errors import AgentFileError, InputError
from slearn.loss import UNSAYABLE, measured_loss
from slearn.values import Example

WORDS = ("cat", "dog", "rain", "price")
FIELD = Field("answer", "choice", choices=(*WORDS, "other"), decide="likelihood")
DEMOS = tuple(
    Demo({"input": f"the {w} is here"}, {"answer": w}, f"e{n}") for n, w in enumerate(WORDS)
)


class Weighing(ScriptedEngine):
    """Keeps what is weighed, and finds all choices as likely, but for one."""

    def __init__(self, liked: str = "") -> None:
        super().__init__(lambda _: "x")
        self.asked: list[ScoreRequest] = []
        self.liked = liked

    def score(self, requests: Sequence[ScoreRequest], watch: Watcher | None = None) -> list[Score]:
        self.asked += requests
        found = super().score(requests, watch)
        return [
            replace(one, logprobs=tuple(-1.0 if t == self.liked else -2.0 for t in asked.targets))
            for one, asked in zip(found, requests, strict=True)
        ]


def chooser(keep: int = 2, lean: float = 6.0, field: Field = FIELD) -> Agent:
    node = Node("answer", ("Name it.",), output=Contract((field,)), demos=DEMOS)
    return Agent("chooser", (node,), Flow((Among(("answer",), keep, lean),)))


def row(text: str, target: str = "", name: str = "new") -> Example:
    return Example(name, {"input": text}, (target,) if target else None)


def test_only_the_choices_of_the_nearest_demonstrations_are_weighed() -> None:
    engine = Weighing()
    (taken,) = forward(chooser(), [row("a dog and the rain, rain")], engine)
    assert engine.asked[0].targets == ("dog", "rain")  # in the order of the contract
    assert taken.answer == "rain"


def test_what_is_alike_leans_and_what_is_likelier_by_more_wins() -> None:
    question = row("the rain is over")
    assert forward(chooser(5, 6.0), [question], Weighing("dog"))[0].answer == "rain"
    assert forward(chooser(5, 0.1), [question], Weighing("dog"))[0].answer == "dog"


def test_the_field_s_own_bias_counts_as_well() -> None:
    biased = replace(FIELD, bias=(0.0, 9.0, 0.0, 0.0, 0.0))
    assert forward(chooser(field=biased), [row("a dog, rain, rain")], Weighing())[0].answer == "dog"


def test_an_example_s_own_demonstration_does_not_count() -> None:
    node = chooser().last
    own = dict(among(node, Among(("answer",), 5, 6.0), {"input": "the dog is here"}, "e1"))
    other = dict(among(node, Among(("answer",), 5, 6.0), {"input": "the dog is here"}, "e9"))
    assert other["dog"] - own["dog"] == pytest.approx(6.0)  # its own words count in both
    assert own["dog"] > 0 and own["rain"] == other["rain"]


def test_without_demonstrations_all_choices_are_there() -> None:
    node = replace(chooser().last, demos=())
    found = among(node, Among(("answer",), 2), {"input": "it is here"})
    assert found == tuple((choice, 0.0) for choice in FIELD.choices or ())
    alone = replace(node, demos=DEMOS[:1])
    assert len(among(alone, Among(("answer",), 2), {"input": "the dog"}, "e0")) == 5


def test_a_choice_that_no_demonstration_has_is_found_by_its_own_words() -> None:
    named = replace(FIELD, choices=(*WORDS, "card_arrival", "card_lost"))
    node = replace(chooser().last, output=Contract((named,)))
    found = dict(among(node, Among(("answer",), 2), {"input": "When does my card arrive?"}))
    assert list(found) == ["card_arrival", "card_lost"]
    assert found["card_arrival"] > found["card_lost"] > 0


def test_where_few_are_alike_none_is_left_out() -> None:
    few = replace(chooser().last, demos=DEMOS[:2])
    found = dict(among(few, Among(("answer",), 3), {"input": "the dog"}))
    assert list(found) == list(FIELD.choices or ()) and found["dog"] > found["cat"] > 0
    assert found["price"] == found["other"] == 0
    assert len(among(chooser().last, Among(("answer",), 2), {"input": "?!"})) == 5
    assert len(among(few, Among(("answer",), 2), {"input": "the dog"})) == 2


def test_the_loss_is_that_of_the_choice_among_few() -> None:
    rows = [row("a dog, rain, rain", "rain"), row("a dog, rain, rain", "price")]
    right, never = measured_loss(chooser(lean=0.0), rows, Weighing())
    assert right == pytest.approx(0.6931, abs=1e-3) and never == UNSAYABLE
    (leaning,) = measured_loss(chooser(), rows[:1], Weighing())
    assert leaning < right


def test_it_is_written_and_drawn_as_it_is() -> None:
    agent = chooser(20, 4.5)
    assert agent_from_text(agent_to_text(agent)) == agent
    assert flow_lines(agent.flow) == ["among the 20 nearest choices, lean 4.5", "└─ answer"]
    assert agent.ends == ("answer",) and agent.flow.plain


@pytest.mark.parametrize(("old", "new"), [("among: 20", "among: 1"), ("lean: 4.5", "lean: much")])
def test_a_file_that_cannot_be_is_refused(old: str, new: str) -> None:
    text = agent_to_text(chooser(20, 4.5))
    assert old in text
    with pytest.raises(AgentFileError):
        agent_from_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("body", "field", "keep", "lean", "says"),
    [
        ((Vote(("answer",), 3),), FIELD, 2, 1.0, "must end with the node that chooses"),
        (("answer",), Field(), 2, 1.0, "choices of its own"),
        (("answer",), replace(FIELD, decide="writing"), 2, 1.0, "`decide: likelihood`"),
        (("answer",), replace(FIELD, choices=None), 2, 1.0, "choices of its own"),
        (("answer",), FIELD, 1, 1.0, "among 2 to 1000 choices"),
        (("answer",), FIELD, 2, -1.0, "a lean of 0 nats or more"),
        (("answer",), FIELD, 2, float("nan"), "a lean of 0 nats or more"),
    ],
)
def test_what_cannot_be_is_refused(
    body: Block, field: Field, keep: int, lean: float, says: str
) -> None:
    node = Node("answer", ("Name it.",), output=Contract((field,)))
    with pytest.raises(InputError, match=says):
        Agent("chooser", (node,), Flow((Among(body, keep, lean),)))


def test_nodes_before_the_one_that_chooses_are_asked_as_ever() -> None:
    first = Node("answer", ("Name it.",), output=Contract((FIELD,)), demos=DEMOS)
    shown = tuple(replace(d, inputs={**d.inputs, "answer": "cat"}) for d in DEMOS)
    last = replace(first, name="again", inputs=("input", "answer"), demos=shown)
    agent = Agent("two", (first, last), Flow((Among(("answer", "again"), 2),)))
    engine = Weighing()
    forward(agent, [row("a dog, rain, rain")], engine)
    assert [len(one.targets) for one in engine.asked] == [5, 2]
