"""Metrics by name: what an agent file or the command line writes."""

from __future__ import annotations

from slearn.errors import InputError
from slearn.metrics.base import Metric
from slearn.metrics.call import Call
from slearn.metrics.contains import Contains
from slearn.metrics.exact import Choice, Exact
from slearn.metrics.f1 import F1
from slearn.metrics.function import function_metric
from slearn.metrics.number import Number
from slearn.metrics.sets import Set

_PLAIN: tuple[Metric, ...] = (Call(), Choice(), Contains(), Exact(), F1(), Number(), Set())

MEASURED = ("judge", "tests")
"""Metrics that are measured with an engine: by a model's judgement, and by running code."""

METRICS: tuple[str, ...] = tuple(sorted([*(metric.name for metric in _PLAIN), *MEASURED]))
"""The names that `metric_named` knows, apart from `module:function`."""


def metric_named(name: str) -> Metric:
    """Return the metric of that name, or import the user's own for `module:function`.

    >>> metric_named("number").name
    'number'

    Raises InputError for an unknown name, and for `judge` and `tests`: they need an engine.
    """
    for metric in _PLAIN:
        if metric.name == name:
            return metric
    if name in MEASURED:
        raise InputError("needs an engine: slearn.evaluate asks it", where=f"metric {name!r}")
    module, colon, function = name.partition(":")
    if module and colon and function:
        return function_metric(name)
    known = ", ".join(METRICS)
    raise InputError(f"unknown metric {name!r}; known are {known} and module:function")
