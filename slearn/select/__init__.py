"""Selection: candidates race on measured loss, finalists must win on validation."""

from slearn.select.accept import LOOK, Verdict, verdict
from slearn.select.confirm import SURE, Confirmation, confirmation, set_aside
from slearn.select.front import front
from slearn.select.price import Cost, affordable, cheapest, in_turn, race_price, shortened
from slearn.select.race import FINALISTS, Lap, layouts, race, rungs

__all__ = [
    "FINALISTS",
    "LOOK",
    "SURE",
    "Confirmation",
    "Cost",
    "Lap",
    "Verdict",
    "affordable",
    "cheapest",
    "confirmation",
    "front",
    "in_turn",
    "layouts",
    "race",
    "race_price",
    "rungs",
    "set_aside",
    "shortened",
    "verdict",
]
