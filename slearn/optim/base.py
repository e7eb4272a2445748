"""What every optimizer is: a proposer of candidates for one kind of weight."""

from __future__ import annotations

import math
import random
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from slearn.agent import Agent, Trajectory
from slearn.engine import Engine, Watcher
from slearn.grad import Attribution, NodeGradient
from slearn.loss import Measure, measured_losses
from slearn.optim.edits import Edit, apply_all
from slearn.values import Example, digest


@dataclass(frozen=True)
class Candidate:
    """An agent that an operator proposes, and the edits that lead to it from the incumbent.

    `tried` says that its optimizer measured on some rows that it is better than the incumbent, or
    that what it shows is: where not all can be raced, it is among those that are.
    """

    operator: str
    agent: Agent
    edits: tuple[Edit, ...]
    tried: bool = False


@dataclass(frozen=True)
class Proposal:
    """All that an optimizer may look at in one step.

    `pool` are the examples that demos may be made of this step; they are never raced on. `train`
    are all that training learns from, those that are raced on too: who shows them must leave each
    example's own out.
    `trajectories` and `scores` are those of the batch, with the gradients taken from them. `engine`
    is the optimizing model, `runner` the one that runs the agent; often they are the same. `misses`
    counts the tries in vain of the optimizer that is asked, `asked` how often it was asked before,
    `measure` is what candidates are compared by, and `front` are candidates of earlier races that
    did best on some row: their edits can be made to `agent`. `rows` are those that a candidate may
    meet, in the race and on validation, `task` is what a judge grades by, and `left` are the tokens
    of the budget that were left when the batch had been looked at.
    """

    agent: Agent
    gradients: Mapping[str, NodeGradient]
    trajectories: Sequence[Trajectory]
    scores: Sequence[float]
    pool: Sequence[Example]
    engine: Engine
    runner: Engine
    seed: int
    step: int
    watch: Watcher | None = None
    attributions: Sequence[Attribution] = ()
    misses: int = 0
    asked: int = 0
    measure: Measure = measured_losses
    front: Sequence[Candidate] = ()
    rows: int = 0
    task: str = ""
    train: Sequence[Example] = ()
    left: float = math.inf

    def chance(self, operator: str) -> random.Random:
        """Return the operator's own stream of chance: the same for a seed, whoever else draws."""
        return random.Random(digest([self.seed, self.step, operator]))


class Optimizer(ABC):
    """Proposes candidates; `name` is how a person reads it in a report.

    `cheapens` says that its candidates read less of every row: who is dear waits for their race.
    `measures` says that it looks for what makes rows right before it proposes anything: in a flow
    it is asked longer.
    """

    name: str
    cheapens = False
    measures = False

    @abstractmethod
    def propose(self, proposal: Proposal) -> list[Candidate]:
        """Return candidates, possibly none."""

    def price(self, proposal: Proposal) -> float:
        """Return about how many tokens proposing takes where that is dear, else 0."""
        return 0.0

    def refine(self, proposal: Proposal, candidate: Candidate) -> list[Candidate]:
        """Return better versions of a candidate that won the race; most optimizers have none."""
        return []

    def refine_price(self, proposal: Proposal, agent: Agent, row: float) -> tuple[float, float]:
        """Return the tokens that `refine` takes, and those that each row takes more afterwards.

        `row` are the tokens of a row's inputs.
        """
        return 0.0, 0.0

    def candidate(self, proposal: Proposal, edits: Sequence[Edit], operator: str = "") -> Candidate:
        """Return the candidate that edits lead to."""
        agent = apply_all(proposal.agent, edits)
        return Candidate(operator or self.name, agent, tuple(edits))
