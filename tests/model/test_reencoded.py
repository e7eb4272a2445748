"""A real model with its weights in another form says nearly the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from slearn.catalog import weights_file
from slearn.engine import (
    AMX,
    Engine,
    EngineSettings,
    ScoreRequest,
    describe_library,
    open_engine,
)
from slearn.errors import EngineError
from slearn.tuning import try_apart
from tests.engine.contract import YES_NO, ask

pytestmark = pytest.mark.model


@pytest.mark.parametrize("kind", ["f16", "q8_0", AMX])
def test_likelihoods_stay(tiny: Engine, tiny_path: Path, tmp_path: Path, kind: str) -> None:
    if kind == AMX and not describe_library()["amx"]:
        pytest.skip("the library was built without AMX")
    path = weights_file(tiny_path, "0" * 64, kind, home=tmp_path)
    if kind == AMX:  # tried apart, as `slearn tune` does: here it would end the tests
        try:
            try_apart(path, EngineSettings(cells=2048, weights=kind))
        except EngineError as error:
            if "signal" not in str(error):
                raise
            pytest.skip(f"the library was built with AMX that does not work: {error}")
    requests = [ScoreRequest(ask(f"Is {n} cold?"), ("yes", "no"), YES_NO) for n in range(9)]
    settings = EngineSettings(cells=2048, sequences=4, weights=kind)
    with open_engine(path, sha256="0" * 64, settings=settings) as other:
        assert other.fingerprint != tiny.fingerprint
        for left, right in zip(tiny.score(requests), other.score(requests), strict=True):
            assert left.logprobs == pytest.approx(right.logprobs, abs=0.3)
