"""`slearn runs`: the runs in the store."""

from __future__ import annotations

from pathlib import Path

import click

from slearn.cli import options
from slearn.cli.output import emit, say, table


@click.command()
@options.store
@options.as_json
def runs(store: Path, as_json: bool) -> None:
    """List the runs, newest last."""
    from slearn.cli.history import row_of
    from slearn.store import Store

    with Store.open(store, create=False, notice=say) as opened:
        rows = [row_of(info) for info in opened.runs()]
    emit(rows) if as_json else click.echo(table(rows) or "no runs yet")
