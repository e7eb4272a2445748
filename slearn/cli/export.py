"""`slearn export`: the agent that a run made, as a file."""

from __future__ import annotations

from pathlib import Path

import click

from slearn.cli import options
from slearn.cli.output import emit, say


@click.command()
@click.argument("run")
@click.option("-o", "out", type=options.FILE, metavar="FILE", required=True, help="The agent file.")
@options.store
@options.as_json
def export(run: str, out: Path, store: Path, as_json: bool) -> None:
    """Write the agent that a run ended with to a file.

    The file needs nothing else to run. RUN "last" is the newest.
    """
    from slearn.cli.history import check_out, trained_agent, write_agent
    from slearn.store import Store

    check_out(out)
    with Store.open(store, create=False, notice=say) as opened:
        info = opened.run(run)
        agent = trained_agent(opened, info)
    write_agent(agent, out)
    if as_json:
        emit({"run": info.name, "file": str(out)})
