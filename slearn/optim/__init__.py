"""Optimizers propose candidates: typed edits of an agent's weights, guarded before they run."""

from slearn.optim.base import Candidate, Optimizer, Proposal
from slearn.optim.contract import ReasonFirst
from slearn.optim.demos import DemoEdits, DemoSets, PassedDemos
from slearn.optim.edits import (
    AddDemo,
    DropDemo,
    DropLine,
    Edit,
    InsertLine,
    MoveDemo,
    MoveLine,
    ReplaceDemo,
    ReplaceLine,
    SetContract,
    SetDemos,
    apply,
    apply_all,
    edit_as_json,
)
from slearn.optim.guards import Guards
from slearn.optim.lines import LineEdits, Tips

# In the order in which their candidates are listed; the race does not care.
OPTIMIZERS: tuple[Optimizer, ...] = (
    LineEdits(),
    DemoSets(),
    DemoEdits(),
    PassedDemos(),
    Tips(),
    ReasonFirst(),
)

__all__ = [
    "OPTIMIZERS",
    "AddDemo",
    "Candidate",
    "DemoEdits",
    "DemoSets",
    "DropDemo",
    "DropLine",
    "Edit",
    "Guards",
    "InsertLine",
    "LineEdits",
    "MoveDemo",
    "MoveLine",
    "Optimizer",
    "PassedDemos",
    "Proposal",
    "ReasonFirst",
    "ReplaceDemo",
    "ReplaceLine",
    "SetContract",
    "SetDemos",
    "Tips",
    "apply",
    "apply_all",
    "edit_as_json",
]
