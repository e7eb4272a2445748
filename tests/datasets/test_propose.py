"""What is proposed for data of every kind, and that every target can be said by the contract."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from slearn.agent import Agent, Field, agent_from_text, agent_to_text, load_agent
from slearn.datasets import Columns, load_split, read_rows
from slearn.datasets.answers import is_number, look, words
from slearn.datasets.contracts import fit, unsayable
from slearn.datasets.detect import Wishes
from slearn.datasets.prepare import Prepared, prepare
from slearn.datasets.project import read_columns, write_project
from slearn.datasets.propose import LONG_INPUT, propose
from slearn.errors import DataError, InputError
from slearn.values import Example

SUPPORT = Path(__file__).parents[2] / "data" / "support" / "requests.jsonl"


def rows_of(*targets: Any, **more: Any) -> list[dict[str, Any]]:
    return [{"input": f"question {n}", "target": t, **more} for n, t in enumerate(targets)]


def prepared(*targets: Any, wishes: Wishes | None = None, **more: Any) -> Prepared:
    return prepare(rows_of(*targets, **more), wishes or Wishes())


def shape(found: Prepared) -> tuple[str, str]:
    agent = found.proposal.agent
    return agent.metric, agent.last.output.answer.type


def examples(*targets: str | None) -> list[Example]:
    return [
        Example(str(n), {"input": f"q{n}"}, None if target is None else (target,))
        for n, target in enumerate(targets)
    ]


SENTENCES = [f"the {n}th of many long answers with all those words in it, see" for n in range(12)]

SHAPES = {
    "labels": (["billing", "delivery", "returns"] * 8, ("choice", "choice")),
    "two labels": (["yes", "no"] * 4, ("choice", "choice")),
    "booleans": ([True, False] * 6, ("choice", "choice")),
    "numbers": ([n * 7 - 3 for n in range(12)], ("number", "number")),
    "decimals": ([f"{n}.5" for n in range(12)], ("number", "number")),
    "prices": ([f"${n},200" for n in range(1, 12)], ("number", "text")),
    "zero and one": ([0, 1] * 8, ("choice", "choice")),
    "many small numbers": (list(range(8)) * 6, ("number", "number")),
    "names": ([f"Name Surname{n}" for n in range(12)], ("exact", "text")),
    "one label": (["same"] * 12, ("exact", "text")),
    "sentences": (SENTENCES, ("f1", "text")),
    "lines": ([f"line {n}\nand another" for n in range(12)], ("f1", "text")),
    "lists": ([f"{a}, {b}" for a in "abcd" for b in "xyzw"], ("set", "text")),
    "places": ([f"Town{n}, Land{n}" for n in range(12)], ("exact", "text")),
    "no targets": ([None] * 12, ("judge", "text")),
    "alternatives": ([["cold", f"chilly {n}"] for n in range(12)], ("exact", "text")),
    "chinese": (["这是一个很长的句子" * 6 + str(n) for n in range(12)], ("f1", "text")),
}


@pytest.mark.parametrize("name", SHAPES)
def test_data_of_every_shape_gets_the_metric_and_the_contract_that_fit(name: str) -> None:
    targets, wanted = SHAPES[name]
    found = prepared(*targets)
    assert shape(found) == wanted
    answer = found.proposal.agent.last.output.answer
    everything = [*found.splits.train, *found.splits.val]
    assert unsayable(answer, everything) is None
    limit = found.proposal.agent.last.output.max_tokens()
    longest = max((len(t.encode()) for e in everything for t in e.targets or ()), default=0)
    assert limit >= longest  # a token is at least a byte: the target fits whatever the tokenizer


def test_the_demo_data_gets_a_choice_of_its_five_queues() -> None:
    found = prepare(read_rows(SUPPORT), Wishes(("request",), "queue"))
    answer = found.proposal.agent.last.output.answer
    assert answer.choices == ("account", "billing", "delivery", "returns", "technical")
    assert found.proposal.agent.last.inputs == ("request",)
    assert {tuple(example.inputs) for example in found.splits.train} == {("request",)}


def test_labels_keep_their_case_and_survive_the_agent_file() -> None:
    agent = prepared(*["True", "False", "no"] * 8).proposal.agent
    assert agent.last.output.answer.choices == ("False", "True", "no")
    assert agent_from_text(agent_to_text(agent)) == agent


def test_choices_of_each_row_stay_with_the_rows() -> None:
    rows = [{"input": f"q{n}", "target": f"a{n}", "choices": [f"a{n}", f"b{n}"]} for n in range(12)]
    found = prepare(rows, Wishes())
    assert shape(found) == ("choice", "choice")
    assert found.proposal.agent.last.output.answer.choices is None
    assert found.columns.choices == "choices"
    assert all(example.choices for example in found.splits.train)


def test_choices_that_all_rows_share_go_into_the_contract() -> None:
    found = prepared(*["b", "a"] * 6, options="b|a|c", wishes=Wishes(choices="options"))
    assert found.proposal.agent.last.output.answer.choices == ("b", "a", "c")
    assert found.columns.choices is None


def test_a_target_that_is_none_of_its_choices_is_an_error_only_where_they_were_named() -> None:
    rows = rows_of(*["x", "y"] * 6, choices=["a", "b"])
    assert prepare(rows, Wishes()).columns.choices is None
    with pytest.raises(DataError, match="target 'x' is not one of the choices"):
        prepare(rows, Wishes(choices="choices"))


@pytest.mark.parametrize("target", [None, "def f():\n    return 1"])
@pytest.mark.parametrize("more", [{}, {"choices": ["a", "b"]}])
def test_code_has_room_whether_rows_show_any_or_not(target: str | None, more: Any) -> None:
    rows = [Example(str(n), {"input": f"q{n}"}, row={"tests": ["assert f()"]}) for n in range(9)]
    rows = [replace(row, targets=None if target is None else (target,), **more) for row in rows]
    found = propose(rows, [])
    answer = found.agent.last.output.answer
    assert (found.agent.metric, answer.type, answer.multiline) == ("tests", "text", True)
    assert (answer.max_chars, answer.max_tokens) == (800, 400)
    assert ("answers are lines of text, up to 800 characters", "answers are code") in (
        found.decisions
    )


def left_out(found: Prepared) -> list[tuple[str, str]]:
    return [(what, why) for what, why in found.decisions if "left out" in what]


def test_rows_whose_target_the_metric_cannot_read_are_left_out_and_shape_nothing() -> None:
    found = prepared(*range(10, 30), "two", "three", wishes=Wishes(metric="number"))
    assert shape(found) == ("number", "number")
    fault = "its target 'two' is not a number, and the metric 'number' needs one"
    assert left_out(found) == [("2 rows left out", f"row 21: {fault}")]
    parts = found.splits
    ids = {row.id for part in (parts.train, parts.val, parts.test) for row in part}
    assert ids == {str(n) for n in range(1, 21)}
    kept = prepared(*range(10, 30), "two", wishes=Wishes(metric="exact"))
    assert left_out(kept) == []


def test_a_target_that_scores_nothing_as_an_answer_cannot_be_read() -> None:
    found = prepared(*["none"] * 9, "...", wishes=Wishes(metric="call"))
    fault = "row 10: the metric 'call' cannot read its target '...'"
    assert left_out(found) == [("1 rows left out", fault)]


@pytest.mark.parametrize("targets", [["two", "three"] * 5, ["two", *["three"] * 5, "4"]])
def test_where_the_metric_can_read_too_few_targets_the_first_fault_is_told(targets: Any) -> None:
    with pytest.raises(DataError, match="its target 'two' is not a number") as told:
        prepare(rows_of(*targets), Wishes(metric="number"), where="a.jsonl")
    assert told.value.where == "a.jsonl, row 1"


@pytest.mark.parametrize("metric", ["exact", "choice", "number", "contains", "f1", "set", "judge"])
def test_a_named_metric_stays_and_the_contract_follows_the_data(metric: str) -> None:
    found = prepared(*[n * 3 for n in range(20)], wishes=Wishes(metric=metric))
    assert found.proposal.agent.metric == metric
    answer = found.proposal.agent.last.output.answer
    assert unsayable(answer, found.splits.train) is None
    if metric in ("contains", "judge"):
        assert answer.max_chars >= 200


def test_choice_as_the_named_metric_makes_labels_of_many_targets() -> None:
    found = prepared(*[f"label{n}" for n in range(44)], wishes=Wishes(metric="choice"))
    answer = found.proposal.agent.last.output.answer
    assert answer.type == "choice" and len(answer.choices or ()) >= 30


def test_many_labels_are_labels_where_nearly_all_come_up_again() -> None:
    labels = [f"intent_{n}" for n in range(70)]
    train = examples(*[label for label in labels for _ in range(2)])
    val = examples(*labels[:60])
    found = propose(train, val)
    assert found.agent.metric == "choice"
    assert found.agent.last.output.answer.choices == tuple(sorted(labels))
    assert found.decisions[0].why == "70 labels, most of them in several rows"
    assert found.decisions[1].what.endswith("and 50 more")


def test_open_answers_are_no_labels_even_where_some_come_up_again() -> None:
    common = ["yes"] * 20 + ["no"] * 20
    found = propose(examples(*common, *[f"city {n}" for n in range(45)]), examples("yes", "no"))
    assert found.agent.metric == "exact" and found.agent.last.output.answer.type == "text"


def test_tags_are_sets_and_cities_are_cities_however_often_some_come_up() -> None:
    tags = [f"tag{n}" for n in range(10)]
    pairs = [f"{a}, {b}" for a in tags for b in tags if a < b]
    found = propose(examples(*pairs * 2), examples(*pairs))
    assert found.agent.metric == "set" and found.agent.last.output.answer.type == "text"
    # by Zipf's law: some cities are named all the time, most of the others once
    cities = [f"city {n}" for n in range(40) for _ in range(max(1, 60 // (n + 1) ** 1))]
    rare = [f"town {n}" for n in range(60)]
    found = propose(examples(*cities, *rare), examples(*cities[::3]))
    assert found.agent.last.output.answer.type == "text"


def test_what_only_validation_shows_widens_the_contract_and_says_which_row() -> None:
    train = examples(*["a", "b"] * 6)
    wider = propose(train, [Example("v7", {"input": "x"}, ("c",))])
    assert wider.agent.last.output.answer.choices == ("a", "b", "c")
    assert wider.decisions[-1] == ("contract widened", "row v7: 'c' is a further choice")
    numbers = propose(examples(*map(str, range(20, 40))), examples("about five"))
    assert (numbers.agent.metric, numbers.agent.last.output.answer.type) == ("number", "text")
    text = propose(examples("short answer"), examples("y" * 90 + "\nz"))
    assert text.agent.last.output.answer.multiline
    assert text.agent.last.output.answer.max_chars == 184


def test_the_test_split_is_never_looked_at() -> None:
    rows = rows_of(*["yes", "no"] * 20)
    found = prepare(rows, Wishes())
    hidden = {example.inputs["input"] for example in found.splits.test}
    changed = [row | {"target": "maybe"} if row["input"] in hidden else row for row in rows]
    # the division may depend on the targets, the proposal only on those of train and val
    again = prepare(changed, Wishes())
    seen = {t for e in [*again.splits.train, *again.splits.val] for t in e.targets or ()}
    assert set(again.proposal.agent.last.output.answer.choices or ()) == seen
    assert propose(found.splits.train, found.splits.val) == found.proposal


def sized(*sizes: int) -> list[Example]:
    return [Example(str(n), {"input": "x" * size}, (str(n * 7),)) for n, size in enumerate(sizes)]


@pytest.mark.parametrize(
    ("sizes", "instruction", "layout"),
    [
        ((LONG_INPUT + 1,) * 5, "", "inputs-first"),
        ((LONG_INPUT,) * 5, "", "inputs-last"),
        ((90_000, 90_000, 20, 20, 20), "", "inputs-last"),  # a few long rows do not decide
        ((20, 20, 9_000, 9_000, 9_000), "", "inputs-first"),
        ((LONG_INPUT + 1,) * 5, "word " * LONG_INPUT, "inputs-last"),  # what all rows share is more
    ],
)
def test_what_is_long_stands_first_and_it_is_said_why(
    sizes: tuple[int, ...], instruction: str, layout: str
) -> None:
    found = propose(sized(*sizes), [], instruction=instruction)
    assert found.agent.last.layout == layout
    said = [decision for decision in found.decisions if decision.what.startswith("layout")]
    assert [decision.what for decision in said] == [f"layout {layout}"] * (layout != "inputs-last")
    for decision in said:
        assert f"median {sorted(sizes)[2]} characters" in decision.why


def test_all_inputs_of_a_row_count_for_its_layout() -> None:
    half = "x" * (LONG_INPUT // 2)
    rows = [{"a": f"{n}{half}", "b": half, "target": n * 9} for n in range(8)]
    assert prepare(rows, Wishes(("a", "b"))).proposal.agent.last.layout == "inputs-first"
    assert prepare(rows, Wishes(("a",))).proposal.agent.last.layout == "inputs-last"


def test_instruction_lines_are_weights_of_their_own() -> None:
    agent = prepared(*range(10, 18), wishes=Wishes(instruction="Add.\n\n Be exact. ")).proposal
    assert agent.agent.last.instructions == ("Add.", "Be exact.")
    assert prepared(*SENTENCES).proposal.agent.last.instructions == ("Answer.",)


def test_a_column_may_have_the_name_that_the_node_would_have() -> None:
    rows = [{"answer": f"q{n}", "reply.x": "r", "target": n * 9} for n in range(8)]
    agent = prepare(rows, Wishes(inputs=("answer", "reply.x"))).proposal.agent
    assert agent.last.name == "output"
    assert agent.last.inputs == ("answer", "reply.x")


def test_targets_are_trimmed_and_empty_ones_are_none() -> None:
    found = prepared(*[" yes", "no\n"] * 6, "  ", wishes=Wishes())
    assert found.proposal.agent.last.output.answer.choices == ("no", "yes")
    assert [d.what for d in found.decisions[:2]] == ["13 targets trimmed", "1 rows left out"]


def test_rows_mostly_without_targets_are_left_to_a_judge() -> None:
    found = prepared("a", *[None] * 11)
    assert found.proposal.agent.metric == "judge"
    assert found.columns.target is None
    with pytest.raises(DataError, match="no row has a target, and the metric 'exact' needs one"):
        prepared(*[None] * 4, wishes=Wishes(metric="exact"))


def test_columns_that_are_not_there_are_told_with_the_closest() -> None:
    rows = [{"question": "q", "anwser": "a"}]
    with pytest.raises(DataError, match="no column 'input'.*name the input with --input"):
        prepare(rows, Wishes())
    with pytest.raises(DataError, match="no column 'answer'.*did you mean 'anwser'"):
        prepare(rows, Wishes(inputs=("question",), target="answer"))


def test_too_few_rows_are_told() -> None:
    with pytest.raises(DataError, match="too few rows"):
        prepared("one")
    with pytest.raises(DataError, match="too few rows"):
        prepare([{"input": "same", "target": "a"}] * 9, Wishes())
    with pytest.raises(DataError, match="no row to learn from"):
        propose([], [])


def test_numbers_and_words() -> None:
    assert [text for text in ("5", "-2.50", "€ 3.000,50", "7%") if is_number(text)] != []
    assert not any(map(is_number, ("", "five", "3 apples", "1-2", "v2", "--5")))
    assert (words("one two"), words("国" * 48)) == (2, 24)
    assert look(examples(None, None)).kind == "none"


@given(st.lists(st.text(min_size=1, max_size=60), min_size=2, max_size=12, unique=True))
def test_any_texts_as_targets_can_be_said(texts: list[str]) -> None:
    texts = [text.encode("utf-8", "ignore").decode() for text in texts]
    assume(sum(bool(text.strip()) for text in texts) >= 2)  # empty ones are left out
    try:
        found = prepare([{"input": str(n), "target": t} for n, t in enumerate(texts)], Wishes())
    except DataError as told:  # all but one of a few rows may be no numbers
        assert "is not a number" in told.message
        return
    agent: Agent = found.proposal.agent
    rows = [*found.splits.train, *found.splits.val]
    assert unsayable(agent.last.output.answer, rows) is None
    assert agent_from_text(agent_to_text(agent)) == agent


def test_a_project_keeps_all_columns_and_names_them(tmp_path: Path) -> None:
    source = tmp_path / "rows.csv"
    source.write_text("x", encoding="utf-8")
    rows = [{"frage": f"wie {n}?", "antwort": n * 7, "level": "hard"} for n in range(12)]
    found = prepare(rows, Wishes(("frage",), "antwort"))
    files = write_project(tmp_path / "projekt ü", found, source=source)
    assert [path.name for path in files] == [
        "agent.yaml", "train.jsonl", "val.jsonl", "test.jsonl", "data.json"
    ]  # fmt: skip
    assert load_agent(files[0]) == found.proposal.agent
    columns = read_columns(tmp_path / "projekt ü")
    assert columns == found.columns == Columns(("frage",), "antwort")
    train = load_split(tmp_path / "projekt ü", "train", columns)
    assert train is not None
    assert [e.id for e in train] == [e.id for e in found.splits.train]
    assert train[0].row["level"] == "hard"
    with pytest.raises(InputError, match="is there already"):
        write_project(tmp_path / "projekt ü", found, source=source)


def test_a_project_never_overwrites_its_own_source(tmp_path: Path) -> None:
    source = tmp_path / "train.jsonl"
    source.write_text("{}", encoding="utf-8")
    with pytest.raises(InputError, match="is the data itself"):
        write_project(tmp_path, prepared(*range(10, 20)), source=source, force=True)
    assert source.read_text(encoding="utf-8") == "{}"


def test_a_project_without_a_test_split_leaves_no_old_one(tmp_path: Path) -> None:
    source = tmp_path / "rows.csv"
    source.write_text("x", encoding="utf-8")
    write_project(tmp_path / "p", prepared(*range(10, 20)), source=source)
    write_project(tmp_path / "p", prepared(10, 20), source=source, force=True)
    assert not (tmp_path / "p" / "test.jsonl").exists()


def test_ids_stay_unless_they_are_no_ids(tmp_path: Path) -> None:
    source = tmp_path / "rows.csv"
    source.write_text("x", encoding="utf-8")
    for name, given_id in {"own": "{n}a", "twice": "same"}.items():
        rows = [row | {"id": given_id.format(n=n)} for n, row in enumerate(rows_of(*range(8, 20)))]
        write_project(tmp_path / name, prepare(rows, Wishes()), source=source)
        read = [row for split in ("train", "val", "test")
                for row in read_rows(tmp_path / name / f"{split}.jsonl")]  # fmt: skip
        assert len({row["id"] for row in read}) == 12
        assert list(read[0])[0] == "id" and all(row["target"] for row in read)


def test_columns_of_another_form_are_told_and_other_files_ignored(tmp_path: Path) -> None:
    place = tmp_path / "data.json"
    for content in ("[1]", "{", '{"x": 1}', "\ufeff{}"):
        place.write_text(content, encoding="utf-8")
        assert read_columns(tmp_path) is None
    place.write_text(json.dumps({"inputs": "input"}), encoding="utf-8")
    with pytest.raises(DataError, match="does not name the columns"):
        read_columns(tmp_path)
    place.write_text('{"inputs": ["a"], "tar', encoding="utf-8")
    with pytest.raises(DataError, match="is not JSON"):
        read_columns(tmp_path)


@pytest.mark.parametrize(
    ("field", "targets", "said"),
    [
        (Field(type="choice", choices=("billing", "a b")), ("Billing",), ("billing",)),
        (Field(type="choice", choices=("billing", "a b")), (" A B", "a b"), ("a b",)),
        (Field(type="choice", choices=("billing", "a b")), ("x", "billing"), ("billing",)),
        (Field(type="choice", choices=("billing", "a b")), ("x", "ab"), None),
        (Field(type="choice", choices=("A", "a")), ("a",), ("a",)),
        (Field(type="choice", choices=("AB", "ab")), ("Ab",), None),
        (Field(type="choice"), ("NORTH",), ("north",)),
        (Field(type="number"), (" 5", "five"), ("5",)),
        (Field(max_chars=4), ("hello", "hell "), ("hell",)),
        (Field(max_chars=4), ("hello", ""), None),
    ],
)
def test_targets_are_spelled_as_the_contract_says_them(
    field: Field, targets: tuple[str, ...], said: tuple[str, ...] | None
) -> None:
    row = {"target": targets[0]}
    example = Example("1", {"input": "x"}, targets, ("north", "south"), row)
    fitting, others = fit(field, [example, Example("2", {})])
    assert fitting[-1].targets is None
    assert [one.targets for one in fitting[:-1]] == ([] if said is None else [said])
    assert all(one.row is row for one in fitting[:-1])
    assert others == ([example] if said is None else [])


@pytest.mark.parametrize("first", [0, "0", "A"])
def test_targets_that_count_the_choices_are_taken_for_them(first: int | str) -> None:
    places = [0, 1, 2] if first == 0 else ["0", "1", "2"] if first == "0" else ["A", "B", "C"]
    rows = [
        {"question": f"q{n}", "options": [f"x{n}", f"y{n}", f"z{n}"], "answer": places[n % 3]}
        for n in range(12)
    ]
    wishes = Wishes(inputs=("question",), target="answer", choices="options")
    made = prepare(rows, wishes)
    assert made.columns.choices == "options"
    assert all((row.targets or ("",))[0] in (row.choices or ()) for row in made.splits.train)
    assert any(one.what == "targets are places in the choices" for one in made.decisions)
    one_based = [{**row, "answer": n % 2 + 1} for n, row in enumerate(rows)]
    with pytest.raises(DataError, match="is not one of the choices"):
        prepare(one_based, wishes)  # the third is never right, so the first may be 0 or 1
    found = prepare(one_based, Wishes(inputs=("question", "options"), target="answer"))
    assert found.columns.choices is None


def test_a_row_that_offers_its_own_place_does_not_change_what_targets_are() -> None:
    rows = [{"input": f"q{n}", "choices": [f"x{n}", f"y{n}"], "target": n % 2} for n in range(12)]
    rows.append({"input": "numbers", "choices": ["30", "0"], "target": 0})
    made = prepare(rows, Wishes(choices="choices"))
    everyone = [*made.splits.train, *made.splits.val, *(made.splits.test or ())]
    assert next(row.targets for row in everyone if row.inputs["input"] == "numbers") == ("30",)
    mixed = [{**row, "target": "AB"[n % 2] if n else 1} for n, row in enumerate(rows[:12])]
    assert "choices not used" in [one.what for one in prepare(mixed, Wishes()).decisions]
    texts = [{**row, "choices": "|".join(row["choices"])} for row in rows]
    assert prepare(texts, Wishes(choices="choices")).columns.choices == "choices"


def test_choices_that_are_not_used_are_told() -> None:
    rows = [{"input": f"q{n}", "choices": ["a", "b"], "target": f"c{n % 2}"} for n in range(12)]
    assert "choices not used" in [one.what for one in prepare(rows, Wishes()).decisions]
