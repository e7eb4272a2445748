"""Optimizers propose candidates: typed edits of an agent's weights, guarded before they run."""

from slearn.optim.abstain import Abstain
from slearn.optim.base import Candidate, Optimizer, Proposal
from slearn.optim.calibrate import Calibrate
from slearn.optim.contract import ReasonFirst
from slearn.optim.create import CreateTool
from slearn.optim.cross import Cross, lasting, still
from slearn.optim.demos import DemoEdits, DemoSets, PassedDemos
from slearn.optim.describe import DescribeTool
from slearn.optim.drop import DropParts
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
    RewriteTool,
    SetContract,
    SetDemos,
    SetTools,
    apply,
    apply_all,
    edit_as_json,
)
from slearn.optim.guards import Guards
from slearn.optim.hand import HandTools
from slearn.optim.induce import Induce
from slearn.optim.lines import LineEdits, Tips
from slearn.optim.mend import MendTool
from slearn.optim.turns import Turns
from slearn.optim.wanted import Wanted

# Those whose proposals cost nothing first, then those that paid more often: where the budget is
# small, the others are not asked, or have nobody in the race.
OPTIMIZERS: tuple[Optimizer, ...] = (
    DemoSets(),
    Calibrate(),
    Abstain(),
    Cross(),
    DropParts(),
    Wanted(),
    Tips(),
    CreateTool(),
    MendTool(),
    HandTools(),
    DescribeTool(),
    ReasonFirst(),
    PassedDemos(),
    LineEdits(),
    Induce(),
    DemoEdits(),
)

__all__ = [
    "OPTIMIZERS",
    "Abstain",
    "AddDemo",
    "Calibrate",
    "Candidate",
    "CreateTool",
    "Cross",
    "DemoEdits",
    "DemoSets",
    "DescribeTool",
    "DropDemo",
    "DropLine",
    "DropParts",
    "Edit",
    "Guards",
    "HandTools",
    "Induce",
    "InsertLine",
    "LineEdits",
    "MendTool",
    "MoveDemo",
    "MoveLine",
    "Optimizer",
    "PassedDemos",
    "Proposal",
    "ReasonFirst",
    "ReplaceDemo",
    "ReplaceLine",
    "RewriteTool",
    "SetContract",
    "SetDemos",
    "SetTools",
    "Tips",
    "Turns",
    "Wanted",
    "apply",
    "apply_all",
    "edit_as_json",
    "lasting",
    "still",
]
