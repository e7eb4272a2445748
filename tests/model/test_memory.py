"""The bound on memory holds for the tiny model, and is not far from what is really used."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from slearn.catalog import memory_bound, read_header
from slearn.engine import EngineSettings

pytestmark = pytest.mark.model

# One batch as full as it can be, and every row of logits: a fresh process, for its peak is counted.
CODE = """
import json, re, resource, sys
from pathlib import Path
from slearn.engine import EngineSettings, open_engine
settings = EngineSettings(**json.loads(sys.argv[2]))
with open_engine(Path(sys.argv[1]), settings=settings) as engine:
    context = engine._context
    batch = context.batch()
    for position in range(settings.batch_size):
        batch.add(position % 1000 + 5, position, 0, position < context.max_outputs)
    context.decode(batch)
# On Linux ru_maxrss of a child is at least what its parent held when it was started.
status = Path("/proc/self/status")
if status.exists():
    print(int(re.search(r"VmHWM:\\s+(\\d+) kB", status.read_text())[1]) * 1024)
else:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.parametrize(
    "settings",
    [
        EngineSettings(batch_size=128),
        EngineSettings(cells=2048, batch_size=128, flash_attention="off"),
        EngineSettings(cells=16384, batch_size=64, cache_type="q8_0"),
    ],
)
def test_the_bound_holds(tiny_path: Path, settings: EngineSettings) -> None:
    given = [str(tiny_path), json.dumps(asdict(settings))]
    done = subprocess.run(
        [sys.executable, "-c", CODE, *given], capture_output=True, text=True, check=True
    )
    used, bound = int(done.stdout), memory_bound(read_header(tiny_path), settings).total
    assert used <= bound <= 1.5 * used
