"""The bench of decoding names each form of the weights and holds one model at a time."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

Load = Callable[[str], ModuleType]


def test_each_form_is_measured_on_its_file_one_at_a_time(
    load: Load, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    decode, opened, now = load("decode"), list[tuple[str, int]](), set[object]()

    class Fake:
        def __init__(self, path: Path, settings: Any) -> None:
            assert not now, "the one before is still open"
            now.add(self)
            opened.append((path.name, settings.cells))

        def close(self) -> None:
            now.remove(self)

    model = SimpleNamespace(path=Path("m-file"), sha256="ab", name="m")
    monkeypatch.setattr(decode, "resolve", lambda _: model)
    monkeypatch.setattr(decode, "weights_file", lambda path, _, form: path.with_name(f"m-{form}"))
    monkeypatch.setattr(decode, "Context", Fake)
    monkeypatch.setattr(decode, "_Split", Fake)
    monkeypatch.setattr(decode, "measure", lambda *_: {"write 1": 9.0})
    monkeypatch.setattr(sys, "argv", ["decode.py", "--weights", "file,q8_0", "--cells", "64,256"])
    decode.main()
    lines = capsys.readouterr().out.splitlines()
    reports = [json.loads(line) for line in lines if line.startswith("{")]
    assert [report["form"] for report in reports] == ["file", "q8_0"]
    assert [name for name, _ in opened] == ["m-file"] * 8 + ["m-q8_0"] * 8
    for report in reports:
        assert (report["model"], report["cells"]) == ("m", [64, 256])
        for row in report["rows"]:
            assert row["form"] == row["settings"]["weights"] == report["form"]
            assert row["idle"] in (64, 256) and row["settings"]["flash_attention"] == row["flash"]
    assert sum(line.startswith("form q8_0  idle 64") for line in lines) == 4


def test_an_unknown_form_is_refused_before_anything_is_opened(
    load: Load, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["decode.py", "--weights", "file,q9"])
    with pytest.raises(SystemExit):
        load("decode").main()
    assert "no form 'q9'; there are file, f16, q8_0" in capsys.readouterr().err
