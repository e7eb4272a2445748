"""Long demonstrations are cut to what their answers depend on, in the form that they have."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from slearn.agent import Contract, Demo, Field, Node
from slearn.optim import DemoSets
from slearn.optim.demos import demos_for, within
from slearn.optim.excerpt import excerpt, holds, shortened, shown
from slearn.values import Example
from tests.optim.proposals import proposal, single

TEXT = Contract((Field(max_chars=40),))
NODE = Node("answer", ("Answer.",), ("question", "context"))
ITEMS = [
    {"title": f"Item {n}", "text": f"It is about number {n}. " + "And so on. " * 12}
    for n in range(10)
]


def words(text: str) -> int:
    return len(text.split())


def long(n: int, context: str | None = None) -> Demo:
    inputs = {"question": f"Which number is {n}?", "context": context or json.dumps(ITEMS)}
    return Demo(inputs, {"answer": f"number {n}"}, str(n))


def test_an_array_stays_an_array_of_whole_items_around_the_answer() -> None:
    cut = shortened(long(7), NODE, words)
    items = json.loads(cut.inputs["context"])
    assert ITEMS[7] in items and len(items) < 10 and all(item in ITEMS for item in items)
    assert cut.inputs["question"] == "Which number is 7?" and cut.source == "7"
    assert cut.output == {"answer": "number 7"}


def test_an_item_that_is_too_long_by_itself_is_cut_inside() -> None:
    item = {
        "title": "One",
        "text": "Nothing here. " * 300 + "It is number 3. " + "Nor here. " * 300,
    }
    cut = shortened(long(3, json.dumps([{"title": "Other"}, item])), NODE, words)
    [left] = json.loads(cut.inputs["context"])
    assert left["title"] == "One" and "number 3" in left["text"] and words(left["text"]) < 150


def test_lines_and_sentences_stay_whole() -> None:
    lines = [f"{n}: number {n} " + "x " * 30 for n in range(40)]
    cut = shortened(long(25, "\n".join(lines)), NODE, words).inputs["context"]
    assert set(cut.splitlines()) < {line.rstrip() for line in lines} | set(lines)
    assert holds(cut, ("number 25",)) and "\n" in cut


def test_what_is_short_or_cannot_be_cut_stays_as_it_is() -> None:
    for context in ("A short one. number 1.", "x" * 5000):
        demo = long(1, context)
        assert shortened(demo, NODE, words) is demo
    assert shortened(Demo({}, {"answer": "x " * 400}), Node("n", (), ()), words).inputs == {}


def test_several_fit_where_none_did() -> None:
    demos = [long(n) for n in range(9)]
    assert sum(shown(demo, NODE, words) for demo in demos[:4]) > 900
    found = within(demos, NODE, words)
    assert len(found) >= 4 and sum(shown(demo, NODE, words) for demo in found) <= 900


def test_a_set_is_drawn_of_rows_that_are_long() -> None:
    agent = single(contract=TEXT)
    text = "Word after word. " * 400
    rows = [Example(str(n), {"input": f"{text}No {n}."}, (f"No {n}",)) for n in range(30)]
    given = proposal(agent, rows, step=1)
    sets = [one.agent.last.demos for one in DemoSets().propose(given)]
    assert sets and all(len(demos) >= 4 for demos in sets)
    for demo in sets[0]:
        assert demo.output["answer"] in demo.inputs["input"]
    # What is shown already is known again, and not drawn twice.
    cut = demos_for(agent, agent.last, given)
    assert all(shortened(demo, agent.last, given.engine.count_tokens) == demo for demo in cut)


TEXTS = st.one_of(
    st.text(max_size=400),
    st.lists(st.text(max_size=60), max_size=12).map(" ".join),
    st.lists(st.text(max_size=60), max_size=12).map("\n".join),
    st.lists(
        st.one_of(
            st.text(max_size=80),
            st.integers(),
            st.dictionaries(st.text(max_size=5), st.text(max_size=90), max_size=3),
        ),
        max_size=12,
    ).map(json.dumps),
)


@given(TEXTS, st.lists(st.text(max_size=12), max_size=2), st.integers(1, 200))
def test_any_text_can_be_cut_and_is_not_cut_again(text: str, wanted: list[str], most: int) -> None:
    cut = excerpt(text, wanted, len, most)
    assert len(cut) <= len(text) or text.lstrip().startswith("[")  # written anew, it may be longer
    assert excerpt(cut, wanted, len, max(most, len(cut))) == cut
    try:
        whole = json.loads(text)
    except ValueError:
        return
    if isinstance(whole, list) and whole:
        assert isinstance(json.loads(cut), list)
