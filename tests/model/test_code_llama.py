"""Code that the tiny model drafts: it need not be right, but it has to say something."""

from __future__ import annotations

import pytest

from slearn.engine import Engine
from slearn.optim.author import written
from slearn.optim.solve import doctests, head_of
from slearn.values import Example
from tests.optim.proposals import proposal
from tests.optim.writers import caller

pytestmark = pytest.mark.model


def test_drafts_of_a_line_are_not_closed_before_they_say_anything(tiny: Engine) -> None:
    node = caller().last
    rows = [Example(word, {"input": word}, (" ".join(word),)) for word in ("cat", "house", "tree")]
    values = {"task": "", "examples": doctests("solve", node, rows), "name": "solve"}
    values |= {"head": head_of(node), "code": "", "failures": ""}
    found = written(proposal(caller(), rows, engine=tiny), values, 0, lines=12)
    assert len(found) > 6 and sum("text" in tool.code.partition("return")[2] for tool in found) > 3
