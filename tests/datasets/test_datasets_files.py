"""Splits on disk, and Parquet."""

from __future__ import annotations

import datetime
import math
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from slearn.datasets import Columns, load_split, read_examples, read_rows, write_jsonl
from slearn.errors import DataError

ROWS: list[dict[str, Any]] = [
    {"input": "heiß\n", "target": ["kalt"], "n": 1.5},
    {"input": "日本", "target": None, "n": 2},
]


def test_rows_come_back(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.jsonl"
    write_jsonl(path, iter(ROWS))
    assert list(read_rows(path)) == ROWS
    assert path.read_bytes().count(b"\n") == 2 and "heiß" in path.read_text(encoding="utf-8")
    assert [entry.name for entry in path.parent.iterdir()] == ["a.jsonl"]


def test_half_a_surrogate_pair_comes_back(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a.jsonl", [{"input": "é\ud83d"}])
    assert list(read_rows(tmp_path / "a.jsonl")) == [{"input": "é\ud83d"}]


def test_a_failure_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    write_jsonl(path, ROWS)

    def failing() -> Iterator[dict[str, Any]]:
        yield {"input": "new"}
        raise RuntimeError("interrupted")

    with pytest.raises(RuntimeError):
        write_jsonl(path, failing())
    for value in (math.nan, object()):
        with pytest.raises(DataError, match=r"a\.jsonl:1: not a JSON object"):
            write_jsonl(path, [{"input": value}])
    assert list(read_rows(path)) == ROWS
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.jsonl"]


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file" / "a.jsonl", tmp_path):
        with pytest.raises(DataError, match="cannot be written"):
            write_jsonl(path, ROWS)


def test_a_directory_of_splits(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "train.jsonl", ROWS)
    train = load_split(tmp_path, "train")
    assert train is not None and [example.id for example in train] == ["1", "2"]
    assert train == read_examples(tmp_path / "train.jsonl")
    assert load_split(str(tmp_path), "test") is None
    for directory, name in ((tmp_path, "val"), (tmp_path / "none", "test")):
        with pytest.raises(DataError, match=rf"{name}\.jsonl: no such file"):
            load_split(directory, name)


def test_errors_name_file_and_row(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "val.jsonl", [{"q": "x"}, {"input": "x"}])
    with pytest.raises(DataError, match=r"val\.jsonl:2: no column 'q'"):
        load_split(tmp_path, "val", Columns(("q",)))


def test_parquet(tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    path = tmp_path / "it's [1].parquet"
    name = str(path).replace("'", "''")
    duckdb.connect().execute(
        "copy (select * from (values ('heiß', ['kalt'], 1.5::decimal(3, 1), date '2024-01-02',"
        " 'nan'::double), ('日本', null, 2, null, 1)) t(input, target, price, day, score))"
        f" to '{name}' (format parquet)"
    )
    first, second = read_rows(path)
    assert first["input"] == "heiß" and first["target"] == ["kalt"] and second["target"] is None
    assert (first["price"], first["day"], first["score"]) == (1.5, "2024-01-02", None)
    assert not isinstance(first["price"], Decimal | datetime.date)
    write_jsonl(tmp_path / "copy.jsonl", [first, second])
    assert read_examples(path)[0].targets == ("kalt",)


def test_a_broken_parquet_file(tmp_path: Path) -> None:
    pytest.importorskip("duckdb")
    path = tmp_path / "a.parquet"
    for content in (b"", b"not parquet at all", b"PAR1xxxxPAR1"):
        path.write_bytes(content)
        with pytest.raises(DataError) as caught:
            list(read_rows(path))
        assert str(caught.value).startswith(str(path)) and "\n" not in str(caught.value)


def test_importing_loads_nothing_heavy() -> None:
    code = (
        "import sys, slearn.datasets, slearn.metrics;"
        "print([m for m in ('duckdb', 'click', 'numpy', 'llama_cpp') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
