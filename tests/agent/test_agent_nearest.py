"""What is nearest: pieces of long inputs that a flow lets through, and demonstrations of a node."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slearn.agent import (
    Agent,
    Demo,
    Flow,
    Nearest,
    Node,
    agent_from_text,
    agent_to_text,
    flow_lines,
    forward,
    nearest,
    pieces,
    rank,
    render,
)
from slearn.engine import GenerateRequest
from slearn.engine.scripted import ScriptedEngine
from slearn.errors import InputError
from slearn.values import Example

PASSAGES = [{"title": word, "text": f"All of {word}."} for word in ("rain", "cats", "prices")]
ROW = Example("1", {"question": "Do cats sit?", "context": json.dumps(PASSAGES)}, ("yes",))


def reader(keep: int = 1, to: str = "question") -> Agent:
    node = Node("answer", ("Answer.",), ("question", "near"))
    return Agent("qa", (node,), Flow((Nearest("context", to, "near", keep), "answer")))


def test_rare_words_and_pieces_of_words_count() -> None:
    texts = ("the cat", "the dog", "the doghouse")
    assert rank(texts, "my cat")[0] == 0
    assert rank(texts, "doghouses")[0] == 2
    assert sorted(rank(texts, "")) == [0, 1, 2]


@given(
    st.one_of(st.lists(st.text(), max_size=9).map(json.dumps), st.text(max_size=200)),
    st.text(max_size=20),
    st.integers(1, 5),
)
def test_what_is_kept_are_some_of_the_pieces_in_their_order(text: str, to: str, keep: int) -> None:
    whole, kept = pieces(text)[0], nearest(text, to, keep)
    if len(whole) <= keep:
        assert kept == text
    else:
        places = iter(whole)
        left = pieces(kept)[0]
        assert left == [kept] or all(piece in places for piece in left)


def test_a_node_reads_what_is_nearest_in_the_form_that_it_had() -> None:
    asked: list[GenerateRequest] = []

    def say(request: GenerateRequest) -> str:
        asked.append(request)
        return "yes"

    (taken,) = forward(reader(), [ROW], ScriptedEngine(say))
    assert taken.answer == "yes"
    assert taken.steps[0].inputs["near"] == json.dumps(PASSAGES[1:2])
    assert "prices" not in asked[0].messages[-1].content


def test_columns_are_what_the_data_must_have() -> None:
    agent = reader()
    assert agent.columns == ("question", "context")
    assert agent.given == ("question", "context", "near")
    assert agent.values_of(ROW.inputs)["near"] == json.dumps(PASSAGES[1:2])
    with pytest.raises(InputError, match="what is nearest reads 'context'"):
        forward(agent, [Example("2", {"question": "?"})], ScriptedEngine(lambda _: "x"))


def test_it_is_written_and_drawn_as_it_is() -> None:
    agent = reader(2)
    assert agent_from_text(agent_to_text(agent)) == agent
    assert flow_lines(agent.flow)[0] == "nearest 2 of context to question, as near"


@pytest.mark.parametrize(
    ("part", "says"),
    [
        (Nearest("context", "question", "context"), "under a new name"),
        (Nearest("context", "question", "near", 0), "at least one piece"),
        (Nearest("context", "answer", "near"), "before it is written"),
        (Nearest("context", "question", "answer"), "is a node's name"),
    ],
)
def test_what_cannot_be_is_refused(part: Nearest, says: str) -> None:
    node = Node("answer", ("Answer.",), ("question", part.into))
    with pytest.raises(InputError, match=says):
        Agent("qa", (node,), Flow((part, "answer")))


def test_nothing_ends_with_it() -> None:
    node = Node("answer", ("Answer.",), ("question",))
    with pytest.raises(InputError, match="must end with a node's answer"):
        Agent("qa", (node,), Flow(("answer", Nearest("context", "question", "near"))))


DEMOS = tuple(
    Demo({"input": f"the {word} is here"}, {"answer": word}, f"e{n}")
    for n, word in enumerate(("cat", "dog", "rain", "price"))
)


@pytest.mark.parametrize("layout", ["inputs-last", "inputs-first"])
def test_a_node_shows_the_nearest_demonstrations_the_nearest_last(layout: str) -> None:
    node = Node("n", (), demos=DEMOS, nearest=2, layout=layout)
    text = "\n".join(m.content for m in render(node, {"input": "a dog and rain, rain"}))
    assert "the cat" not in text and "the price" not in text
    assert text.index("the dog") < text.index("the rain")


def test_an_example_is_never_shown_its_own() -> None:
    node = Node("n", (), demos=DEMOS, nearest=2)
    row = Example("e1", {"input": "the dog is here"}, ("dog",))
    said = [m.content for m in render(node, row.inputs, row) if m.role == "assistant"]
    assert len(said) == 2 and "dog" not in said
    agent = Agent("a", (node,), Flow(("n",)))
    assert agent.sources() == frozenset()
    assert agent_from_text(agent_to_text(agent)) == agent
