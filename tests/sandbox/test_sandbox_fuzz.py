"""Random programs: the host sees outcomes, well formed, and nothing else.

SLEARN_FUZZ_PROGRAMS and SLEARN_FUZZ_SEED run more of them, or others.
"""

from __future__ import annotations

import json
import os
from types import ModuleType

import pytest

from slearn.sandbox import Limits, Outcome, as_plain, open_sandbox

PROGRAMS = {"monty": 300, "bwrap": 40}
SEED = int(os.environ.get("SLEARN_FUZZ_SEED", "1"))

pytestmark = pytest.mark.usefixtures("unharmed")


def test_random_programs_harm_nobody(name: str, programs: ModuleType) -> None:
    count = int(os.environ.get("SLEARN_FUZZ_PROGRAMS", PROGRAMS[name]))
    fine = 0
    with open_sandbox(name, Limits(seconds=0.4)) as sandbox:
        for index, code in enumerate(programs.programs(count, SEED)):
            outcome = sandbox.run(code, "f", {"a": 3, "b": "xy"})
            check(outcome)
            fine += outcome.ok
            if name == "monty" or index % 20 == 0:  # under bwrap no call can touch the next
                again = sandbox.run("def f(n): return n + 1", "f", {"n": 1})
                assert again == Outcome(True, 2), code
    assert fine > count / 20  # the programs are not all broken


def check(outcome: Outcome) -> None:
    assert outcome.ok == (not outcome.error)
    assert outcome.error.isprintable() and len(outcome.error) < 600
    assert outcome.value is None or outcome.ok
    assert as_plain(outcome.value) == outcome.value
    assert 0 < outcome.seconds < 20
    json.dumps(outcome.as_json(), allow_nan=False)


def test_equal_programs_have_equal_outcomes(programs: ModuleType) -> None:
    limits = Limits(seconds=5)  # what only just ends in time is no fair test
    codes = list(programs.programs(60, SEED + 1))
    with open_sandbox("monty", limits) as first, open_sandbox("monty", limits) as second:
        for code in codes:
            one = first.run(code, "f", {"a": 3, "b": "xy"})
            assert one == second.run(code, "f", {"a": 3, "b": "xy"}), code


def test_the_generator_is_deterministic(programs: ModuleType) -> None:
    assert list(programs.programs(50, 3)) == list(programs.programs(50, 3))
    assert list(programs.programs(50, 3)) != list(programs.programs(50, 4))
