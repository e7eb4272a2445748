"""Reading rows: every format, every way in which a file can be broken."""

from __future__ import annotations

import csv
import gc
import json
import warnings
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slearn.datasets import read_rows
from slearn.errors import DataError

ROWS = [{"input": "heiß", "target": "kalt"}, {"input": "日本 🎉", "target": "a\nb"}]
JSONL = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS)
CSV = 'input,target\nheiß,kalt\n日本 🎉,"a\nb"\n'


def read(path: Path, content: str | bytes) -> list[dict[str, Any]]:
    """Write the content and read it back as rows."""
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return list(read_rows(path))


def fault(path: Path, content: str | bytes) -> str:
    """Write the content and return the message that reading it ends with."""
    with pytest.raises(DataError) as caught:
        read(path, content)
    message = str(caught.value)
    assert message.startswith(str(path)) and "\n" not in message
    return message.removeprefix(str(path.parent) + "/")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl", JSONL),
        ("a.ndjson", JSONL),
        ("A.JSONL", JSONL),
        ("a.jsonl", "\n  \n" + JSONL.replace("\n", "\n\n")),
        ("a.jsonl", JSONL.rstrip()),
        ("a.jsonl", JSONL.replace("\n", "\r\n")),
        ("a.jsonl", "\ufeff" + JSONL),
        ("a.json", json.dumps(ROWS, indent=2)),
        ("a.json", "\ufeff" + json.dumps(ROWS)),
        ("a.csv", CSV),
        ("a.csv", "\ufeff" + CSV),
        ("a.csv", '\n"input", target\n\nheiß,kalt\n,\n日本 🎉,"a\nb"'.replace(", ", ",")),
        ("a.csv", ',input, target \n0,heiß,kalt\n1,日本 🎉,"a\nb"\n'),
        ("a.tsv", CSV.replace(",", "\t")),
        ("a.csv", CSV.replace(",", ";")),
        ("a.csv", "\n" + CSV.replace(",", "\t")),
    ],
)
def test_every_format_gives_the_same_rows(tmp_path: Path, name: str, content: str) -> None:
    assert read(tmp_path / name, content) == ROWS


def test_a_path_may_be_text(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(JSONL, encoding="utf-8")
    assert list(read_rows(str(tmp_path / "a.jsonl"))) == ROWS


def test_csv_with_windows_line_ends_quotes_and_missing_cells(tmp_path: Path) -> None:
    content = 'input,target,more\r\n"say ""hi"", now",x\r\n,y,z\r\n'
    assert read(tmp_path / "a.csv", content) == [
        {"input": 'say "hi", now', "target": "x", "more": None},
        {"input": None, "target": "y", "more": "z"},
    ]


def test_line_separators_inside_json_strings_do_not_end_a_line(tmp_path: Path) -> None:
    row = {"input": "a\u2028b\u0085c\x0bd"}
    assert read(tmp_path / "a.jsonl", json.dumps(row, ensure_ascii=False)) == [row]


def test_a_long_csv_cell(tmp_path: Path) -> None:
    long = "word " * 100_000
    assert read(tmp_path / "a.csv", f"input\n{long}\n") == [{"input": long}]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", '{"a": 1}\n\n{"a": \n', "a.jsonl:3: not JSON: Expecting value at column"),
        ("a.jsonl", "[1]\n", "a.jsonl:1: expected an object, found an array"),
        ("a.jsonl", "null\n", "a.jsonl:1: expected an object, found null"),
        ("a.jsonl", "true\n", "a.jsonl:1: expected an object, found a boolean"),
        ("a.jsonl", '{"a": 1}\n"x"\n', "a.jsonl:2: expected an object, found a string"),
        ("a.jsonl", '{"a": NaN}\n', "a.jsonl:1: not usable JSON: NaN is no JSON value, write null"),
        ("a.jsonl", '{"a": ' + "9" * 5000 + "}", "a.jsonl:1: not usable JSON: Exceeds the limit"),
        ("a.jsonl", '{"a": ' + "[" * 100_000, "a.jsonl:1: not usable JSON: maximum recursion"),
        ("a.jsonl", "", "a.jsonl: holds no rows"),
        ("a.jsonl", "\n \n", "a.jsonl: holds no rows"),
        ("a.jsonl", b'{"a": 1}\n{"a": "\xff"}\n', "a.jsonl:2: not UTF-8 at byte 16 of the file"),
        ("a.jsonl", b'\xef\xbb\xbf{"a": "\xff"}\n', "a.jsonl:1: not UTF-8 at byte 10 of the file"),
        ("a.jsonl", JSONL.encode("utf-16"), "a.jsonl:1: not UTF-8 at byte 0 of the file"),
        ("a.json", "", "a.json:1: not JSON: Expecting value at column 1"),
        ("a.json", "[]", "a.json: holds no rows"),
        ("a.json", '{"data": []}', "a.json:1: expected an array of objects, found an object"),
        ("a.json", '[{"a": 1},\n3]', "a.json: item 2: expected an object, found a number"),
        ("a.json", '[{"a": 1},\n{"b" 2}]', "a.json:2: not JSON: Expecting ':' delimiter at column"),
        ("a.json", '{"a": 1}\n{"a": 2}', "a.json:2: not JSON: Extra data at column 1"),
        ("a.json", b'[{"a":\n"\xe9"}]', "a.json:2: not UTF-8 at byte 8 of the file"),
        ("a.csv", "", "a.csv: holds no rows"),
        ("a.csv", "input,target\n", "a.csv: holds no rows"),
        ("a.csv", "a,b\n1,2\n\n1,2,3\n", "a.csv:4: 3 cells, the header has 2"),
        ("a.csv", 'a,b\n"1\n2",x\n1,2,3', "a.csv:4: 3 cells, the header has 2"),
        ("a.csv", "a,b,a\n1,2,3\n", "a.csv:1: the header repeats a"),
        ("a.csv", 'a,b\n1,2\n"3,4\n5,6\n', "a.csv:3: not a table: unexpected end of data"),
        ("a.csv", 'a,b\n"x"y,2\n', "a.csv:2: not a table: ',' expected after '\"'"),
        ("a.csv", b"a,b\n1,2\n\xe9,2\n", "a.csv:3: not UTF-8 at byte 8 of the file"),
        ("a.txt", "x", "a.txt: unknown ending '.txt' (can read .csv, .json, .jsonl, .ndjson, "),
        ("a", "x", "a: unknown ending ''"),
    ],
)
def test_a_broken_file_is_named_with_the_place(
    tmp_path: Path, name: str, content: str | bytes, message: str
) -> None:
    assert fault(tmp_path / name, content).startswith(message)


def test_json_lines_in_a_json_file_get_a_hint(tmp_path: Path) -> None:
    assert "name the file .jsonl" in fault(tmp_path / "a.json", JSONL)


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "d.jsonl").mkdir()
    for path, message in [
        (tmp_path / "d.jsonl", "is a directory"),
        (tmp_path, "is a directory"),
        (tmp_path / "none.jsonl", "no such file"),
        (tmp_path / "none.txt", "no such file"),
    ]:
        with pytest.raises(DataError, match=message):
            read_rows(path)


def test_reading_is_lazy_and_closes_its_file(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": 1}\n' * 3 + "broken", encoding="utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rows = read_rows(path)
        assert next(rows) == {"a": 1}
        del rows
        gc.collect()


@settings(deadline=None)
@given(
    rows=st.lists(
        st.dictionaries(
            st.text(st.characters(exclude_categories=["Cs"])),
            st.text(st.characters(exclude_categories=["Cs"])),
        ),
        min_size=1,
    )
)
def test_json_lines_come_back(tmp_path_factory: pytest.TempPathFactory, rows: Any) -> None:
    path = tmp_path_factory.getbasetemp() / "round.jsonl"
    content = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    assert read(path, content) == rows


@settings(deadline=None)
@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"])).map(lambda text: text + "."), min_size=1
    )
)
def test_csv_cells_come_back(tmp_path_factory: pytest.TempPathFactory, cells: list[str]) -> None:
    path = tmp_path_factory.getbasetemp() / "round.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([["input", "target"], *([cell, "x"] for cell in cells)])
    assert [row["input"] for row in read_rows(path)] == cells
