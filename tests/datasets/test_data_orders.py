"""The word problems of data/orders are what their script makes, and look as their README says."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

ORDERS = Path(__file__).parents[2] / "data" / "orders"


def check(folder: Path) -> int:
    command = [sys.executable, str(folder / "make.py"), "--check"]
    return subprocess.run(command, capture_output=True, check=False).returncode


def test_the_file_is_what_the_script_makes() -> None:
    assert check(ORDERS) == 0


def test_another_file_fails_the_check(tmp_path: Path) -> None:
    shutil.copy(ORDERS / "make.py", tmp_path)
    assert check(tmp_path) == 1
    text = (ORDERS / "problems.jsonl").read_text(encoding="utf-8")
    (tmp_path / "problems.jsonl").write_text(text.replace("?", "!", 1), encoding="utf-8")
    assert check(tmp_path) == 1


def test_the_rows_are_as_the_readme_says() -> None:
    lines = (ORDERS / "problems.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    assert [row["id"] for row in rows] == [f"o{number:03}" for number in range(1, 301)]
    assert all(set(row) == {"id", "problem", "answer"} for row in rows)
    assert len({row["problem"] for row in rows}) == len(rows)
    for row in rows:
        assert re.fullmatch("[1-9][0-9]*", row["answer"]) and int(row["answer"]) <= 500
        assert row["answer"] not in re.findall("[0-9]+", row["problem"])
        assert "{" not in row["problem"]
