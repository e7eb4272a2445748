"""Losses: in words (language), in nats (measured), and by a judge where there is no target."""

from slearn.loss.judge import expected_grade, judge
from slearn.loss.language import RIGHT, LanguageLoss, language_loss, task_text, trajectory_input
from slearn.loss.measured import (
    LIKELY,
    UNSAYABLE,
    Measure,
    loss_of,
    losses_after,
    measured_loss,
    measured_losses,
    shortfall,
)

__all__ = [
    "LIKELY",
    "RIGHT",
    "UNSAYABLE",
    "LanguageLoss",
    "Measure",
    "expected_grade",
    "judge",
    "language_loss",
    "loss_of",
    "losses_after",
    "measured_loss",
    "measured_losses",
    "shortfall",
    "task_text",
    "trajectory_input",
]
