"""Datasets: reading rows, turning them into examples, and splitting these.

>>> examples = to_examples([{"input": str(n), "target": "a"} for n in range(4)], Columns())
>>> len(split(examples).train)
2
"""

from slearn.datasets.columns import Columns, to_examples
from slearn.datasets.files import load_split, read_examples, write_jsonl
from slearn.datasets.read import read_rows
from slearn.datasets.split import Splits, split

__all__ = [
    "Columns",
    "Splits",
    "load_split",
    "read_examples",
    "read_rows",
    "split",
    "to_examples",
    "write_jsonl",
]
