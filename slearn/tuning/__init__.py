"""Looks for the settings with which a model runs fastest on a machine.

`search` compares, whatever it is that runs; `Stand` runs a `Workload` like that of training on
engines that stand side by side; `axes_for` says what is worth trying, and `try_apart` tries what
may end a process.
"""

from slearn.tuning.axes import axes_for
from slearn.tuning.probe import try_apart
from slearn.tuning.search import Found, Trial, search
from slearn.tuning.stand import Stand
from slearn.tuning.workload import Workload

__all__ = ["Found", "Stand", "Trial", "Workload", "axes_for", "search", "try_apart"]
