"""Remembers: one DuckDB file with every run, call, value and decision; resume is replay."""

from slearn.store.calls import NewCall, StoredCall
from slearn.store.remember import RememberingEngine
from slearn.store.rounds import NewRound, RecordedRound
from slearn.store.runlog import RunLog
from slearn.store.runs import RunInfo
from slearn.store.store import Store
from slearn.store.tables import RECORD_TABLES
from slearn.store.totals import Totals

__all__ = [
    "RECORD_TABLES",
    "NewCall",
    "NewRound",
    "RecordedRound",
    "RememberingEngine",
    "RunInfo",
    "RunLog",
    "Store",
    "StoredCall",
    "Totals",
]
