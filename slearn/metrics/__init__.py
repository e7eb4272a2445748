"""Metrics score an answer against an example, and tell how sure a mean of scores is.

>>> from slearn.values import Example
>>> metric_named("exact").score("Cold.", Example("1", {"input": "hot"}, ("cold",)))
1.0
"""

from slearn.metrics.base import Metric
from slearn.metrics.call import OPTIONAL, exactly
from slearn.metrics.interval import Interval, mean_interval, paired_interval
from slearn.metrics.named import MEASURED, METRICS, metric_named
from slearn.metrics.paired import hopeful, paired_p
from slearn.metrics.tests import TEST_COLUMNS, code_of, run_tests, tests_of

__all__ = [
    "MEASURED",
    "METRICS",
    "OPTIONAL",
    "TEST_COLUMNS",
    "Interval",
    "Metric",
    "code_of",
    "exactly",
    "hopeful",
    "mean_interval",
    "metric_named",
    "paired_interval",
    "paired_p",
    "run_tests",
    "tests_of",
]
