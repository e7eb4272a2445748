"""What the suite compares: a setting that teaches nothing true."""

from __future__ import annotations

import random
from collections.abc import Callable
from types import ModuleType

from slearn.values import Example


def test_shuffled_rows_have_each_others_targets(load: Callable[[str], ModuleType]) -> None:
    rows = [
        Example(str(n), {"input": f"row {n}"}, (f"target {n}",), row={"equation": f"{n}"})
        for n in range(20)
    ]
    found = load("contenders")._exchanged(rows, random.Random(0))
    assert [row.id for row in found] == [row.id for row in rows]
    assert [row.inputs for row in found] == [row.inputs for row in rows]
    assert sorted(row.targets for row in found) == sorted(row.targets for row in rows)
    assert sum(a.targets == b.targets for a, b in zip(found, rows, strict=True)) < 5
    assert not any(row.row for row in found)  # what says why would say what is right
