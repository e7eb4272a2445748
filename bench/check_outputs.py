"""Checks a store: parses every stored completion again under the grammar it was asked for.

    python bench/check_outputs.py .slearn/store.duckdb [RUN]

It shares nothing with the run but the store: llguidance reads the grammar anew, over bytes. Prints
one JSON line and exits with 1 if an output does not satisfy its grammar.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from slearn.engine import Grammar
from slearn.engine.scripted import accepts
from slearn.store import Store


def main() -> None:
    """Check all runs of a store, or one."""
    path, *named = sys.argv[1:]
    checked = broken = 0
    with Store.open(Path(path), create=False) as store:
        for run in named or [info.name for info in store.runs()]:
            for call in store.calls(run):
                if call.kind != "generate":
                    continue
                checked += 1
                grammar = Grammar(call.request["grammar"]["lark"])
                if not accepts(grammar, call.result["text"]):
                    broken += 1
                    print(f"{run}: {call.result['text']!r}", file=sys.stderr)
    print(json.dumps({"checked": checked, "broken": broken}))
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
