"""Optimizers propose candidates: typed edits of an agent's weights, guarded before they run."""

from slearn.optim.abstain import Abstain
from slearn.optim.among import ChooseAmong
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
from slearn.optim.narrowing import Narrowing
from slearn.optim.reading import given_tokens, picked, reading
from slearn.optim.rebuild import Restructure
from slearn.optim.recall import Recall
from slearn.optim.settled import settled
from slearn.optim.structure import (
    AddCase,
    AddNode,
    ChangeCase,
    MergeNodes,
    MoveNode,
    Narrow,
    RemoveNode,
    Rewire,
    SetTimes,
    SplitNode,
    StructureEdit,
    Unwrap,
    WrapAmong,
    WrapBest,
    WrapRetry,
    WrapVote,
    restructure,
)
from slearn.optim.turns import Turns
from slearn.optim.wanted import Wanted

# Those whose proposals cost nothing first, then those that ask the model for a few hundred tokens,
# from gradients that are paid for anyway, then the dear ones: where the budget is small, who stands
# behind them is not asked, or has nobody in the race.
OPTIMIZERS: tuple[Optimizer, ...] = (
    DemoSets(),
    Calibrate(),
    Abstain(),
    Cross(),
    DropParts(),
    Wanted(),
    Narrowing(),
    Tips(),
    ChooseAmong(),
    Recall(),
    LineEdits(),
    DemoEdits(),
    CreateTool(),
    MendTool(),
    HandTools(),
    DescribeTool(),
    ReasonFirst(),
    PassedDemos(),
    Induce(),
    Restructure(),
)

__all__ = [
    "OPTIMIZERS",
    "Abstain",
    "AddCase",
    "AddDemo",
    "AddNode",
    "Calibrate",
    "Candidate",
    "ChangeCase",
    "ChooseAmong",
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
    "MergeNodes",
    "MoveDemo",
    "MoveLine",
    "MoveNode",
    "Narrow",
    "Narrowing",
    "Optimizer",
    "PassedDemos",
    "Proposal",
    "ReasonFirst",
    "Recall",
    "RemoveNode",
    "ReplaceDemo",
    "ReplaceLine",
    "Restructure",
    "Rewire",
    "RewriteTool",
    "SetContract",
    "SetDemos",
    "SetTimes",
    "SetTools",
    "SplitNode",
    "StructureEdit",
    "Tips",
    "Turns",
    "Unwrap",
    "Wanted",
    "WrapAmong",
    "WrapBest",
    "WrapRetry",
    "WrapVote",
    "apply",
    "apply_all",
    "edit_as_json",
    "given_tokens",
    "lasting",
    "picked",
    "reading",
    "restructure",
    "settled",
    "still",
]
