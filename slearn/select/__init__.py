"""Selection: candidates race on measured loss, finalists must win on validation."""

from slearn.select.accept import Verdict, verdict
from slearn.select.race import Lap, race, rungs

__all__ = ["Lap", "Verdict", "race", "rungs", "verdict"]
