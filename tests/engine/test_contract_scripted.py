from __future__ import annotations

import pytest

from slearn.engine import Engine, open_engine
from tests.engine.contract import EngineContract, use_after_close


class TestScripted(EngineContract):
    @pytest.fixture
    def engine(self) -> Engine:
        return open_engine(None)


def test_a_closed_engine_refuses_work() -> None:
    use_after_close(open_engine(None))
