"""Long demonstrations are cut to what their answers depend on, in the form that they have."""

from __future__ import annotations

import json
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from slearn.agent import Contract, Demo, Field, Node
from slearn.optim import DemoSets
from slearn.optim.demos import within
from slearn.optim.excerpt import cut, excerpt, holds, tokens_of
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
    left = cut(long(7), NODE, words)
    items = json.loads(left.inputs["context"])
    assert ITEMS[7] in items and len(items) < 10 and all(item in ITEMS for item in items)
    assert left.inputs["question"] == "Which number is 7?" and left.source == "7"
    assert left.output == {"answer": "number 7"}


def test_an_item_that_is_too_long_by_itself_is_cut_inside() -> None:
    item = {
        "title": "One",
        "text": "Nothing here. " * 300 + "It is number 3. " + "Nor here. " * 300,
    }
    for items in ([{"title": "Other"}, item], [item], item):
        found = json.loads(cut(long(3, json.dumps(items)), NODE, words).inputs["context"])
        left = found[0] if isinstance(found, list) else found
        assert left["title"] == "One" and "number 3" in left["text"] and words(left["text"]) < 150


def test_lines_and_sentences_stay_whole() -> None:
    lines = [f"{n}: number {n} " + "x " * 30 for n in range(40)]
    left = cut(long(25, "\n".join(lines)), NODE, words).inputs["context"]
    assert set(left.splitlines()) < {line.rstrip() for line in lines} | set(lines)
    assert holds(left, ("number 25",)) and "\n" in left


def test_what_is_short_or_cannot_be_cut_stays_as_it_is() -> None:
    for context in ("A short one. number 1.", "x" * 5000):
        demo = long(1, context)
        assert cut(demo, NODE, words) is demo
    assert cut(Demo({}, {"answer": "x " * 400}), Node("n", (), ()), words).inputs == {}


def test_what_depends_on_all_of_a_text_is_not_cut_but_for_a_choice() -> None:
    summary = Demo({"question": "Sum up.", "context": "It rained. " * 400}, {"answer": "Wet days."})
    assert cut(summary, NODE, words) is summary
    choice = Contract((Field("answer", "choice", choices=("wet", "dry")),))
    label = replace(summary, output={"answer": "wet"})
    left = cut(label, replace(NODE, output=choice), words).inputs["context"]
    assert summary.inputs["context"].startswith(left) and words(left) < 150
    knowing = replace(summary, inputs={**summary.inputs, "context": "I know. " * 400})
    assert cut(replace(knowing, output={"answer": "no"}), NODE, words).inputs == knowing.inputs


def test_an_answer_of_several_words_is_found_where_nothing_ends() -> None:
    text = " ".join(["word"] * 300 + ["new", "york"] + ["word"] * 300)
    assert "new york" in excerpt(text, ("New York",), words, 20)


def test_two_long_inputs_are_cut_at_once_and_not_again() -> None:
    text = "Word after word. " * 200 + "Number 4 it is. " + "Word after word. " * 200
    demo = Demo({"question": text, "context": text}, {"answer": "number 4"}, "4")
    left = cut(demo, NODE, words)
    assert tokens_of(left, NODE, words) <= 300 and cut(left, NODE, words) == left


def test_several_fit_where_none_did() -> None:
    demos = [long(n) for n in range(9)]
    assert sum(tokens_of(demo, NODE, words) for demo in demos[:4]) > 900
    found = within(demos, NODE, words)
    assert len(found) >= 4 and sum(tokens_of(demo, NODE, words) for demo in found) <= 900


def test_a_set_is_drawn_of_rows_that_are_long() -> None:
    agent = single(contract=TEXT)
    text = "Word after word. " * 400
    rows = [Example(str(n), {"input": f"{text}No {n}."}, (f"No {n}",)) for n in range(30)]
    given = proposal(agent, rows, step=1)
    sets = [one.agent.last.demos for one in DemoSets().propose(given)]
    assert sets and all(len(demos) >= 4 for demos in sets)
    for demo in sets[0]:
        assert demo.output["answer"] in demo.inputs["input"]
    for demos in sets:  # what is shown already is known again, and not drawn twice
        shown = replace(given, agent=agent.with_node(replace(agent.last, demos=demos)))
        for one in DemoSets().propose(shown):
            sources = [demo.source for demo in one.agent.last.demos]
            assert len(set(sources)) == len(sources)


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
    left = excerpt(text, wanted, len, most)
    assert len(left) <= len(text) or text.lstrip()[:1] in ("[", "{")  # written anew: longer
    if len(left) <= most:
        assert excerpt(left, wanted, len, most) == left
    try:
        whole = json.loads(text)
    except ValueError:
        return
    if isinstance(whole, list) and whole:
        assert isinstance(json.loads(left), list)
