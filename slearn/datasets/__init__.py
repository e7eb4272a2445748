"""Datasets: reading rows, turning them into examples, and splitting these.

>>> examples = to_examples([{"input": str(n), "target": "a"} for n in range(4)], Columns())
>>> len(split(examples).train)
2
"""

from slearn.datasets.columns import Columns, to_examples
from slearn.datasets.contracts import fit
from slearn.datasets.detect import Wishes, check_named, input_names
from slearn.datasets.files import load_split, read_examples, write_jsonl
from slearn.datasets.prepare import Prepared, prepare
from slearn.datasets.project import (
    AGENT,
    SPLITS,
    columns_from_json,
    read_columns,
    write_project,
)
from slearn.datasets.propose import Decision, Proposal, propose
from slearn.datasets.read import read_rows
from slearn.datasets.split import Splits, split

__all__ = [
    "AGENT",
    "SPLITS",
    "Columns",
    "Decision",
    "Prepared",
    "Proposal",
    "Splits",
    "Wishes",
    "check_named",
    "columns_from_json",
    "fit",
    "input_names",
    "load_split",
    "prepare",
    "propose",
    "read_columns",
    "read_examples",
    "read_rows",
    "split",
    "to_examples",
    "write_jsonl",
    "write_project",
]
