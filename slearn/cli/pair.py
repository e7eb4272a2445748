"""The two agents of a comparison, each named by a file, a directory or a run."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from slearn.agent import Agent
from slearn.cli.history import start_agent, trained_agent
from slearn.cli.output import say
from slearn.cli.sources import Source
from slearn.errors import InputError
from slearn.store import Store


def pair_of(a: str, b: str | None, store: Path) -> tuple[Agent, Agent]:
    """Return the agents that A and B name; a run alone names its first and its last.

    >>> pair_of("old.yaml", "r3", Path("store.duckdb"))  # doctest: +SKIP

    Raises InputError where there is no such file or run.
    """
    opened: Store | None = None
    with ExitStack() as stack:
        agents: list[Agent] = []
        for name in [a] if b is None else [a, b]:
            if is_file(name):
                agents.append(Source.open(Path(name)).agent)
                continue
            opened = opened or stack.enter_context(Store.open(store, create=False, notice=say))
            info = opened.run(name)
            agents += [start_agent(info)] if b is None else []
            agents.append(trained_agent(opened, info))
    if len(agents) < 2:
        raise InputError("a file alone cannot be compared", hint="name another file or a run")
    return agents[0], agents[1]


def is_file(name: str) -> bool:
    """Tell whether a name means a file: one that is there, or that is written like one.

    >>> is_file("agent.yaml"), is_file("r3")
    (True, False)
    """
    return Path(name).exists() or "/" in name or name.endswith((".yaml", ".yml"))
