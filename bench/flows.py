"""Random edits of the structure of agents: each is refused before anything runs, or runs.

    python bench/flows.py [--count 10000] [--seed 0]

What an edit makes runs on the scripted engine within its limit of steps, survives its file, and
leaves the agent it was made to as it was, to the byte (tests/optim/structures.py). One JSON line:
how often each kind of edit was made, and how often refused.
"""

from __future__ import annotations

import argparse
import json
import sys
import time

from ledger import ROOT, code

from slearn.engine import open_engine


def main() -> None:
    """Make the edits and print what became of them; an edit that breaks the property ends it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    from tests.optim.structures import many

    start = time.monotonic()
    found = many(given.count, open_engine(None), given.seed)
    seconds = round(time.monotonic() - start, 1)
    shown = dict(sorted(found.items()))
    print(json.dumps({"edits": given.count, **shown, "seconds": seconds, "code": code()}))


if __name__ == "__main__":
    main()
