"""`slearn diff`: what differs between two agents."""

from __future__ import annotations

from pathlib import Path

import click

from slearn.cli import options
from slearn.cli.output import emit


@click.command()
@click.argument("a")
@click.argument("b", required=False)
@options.store
@options.as_json
def diff(a: str, b: str | None, store: Path, as_json: bool) -> None:
    """Show what differs between two agents.

    A and B are agent files or runs. A run stands for the agent it ended with; a run alone is
    compared with the agent it began with.
    """
    from slearn.cli.changes import changes_text, compare
    from slearn.cli.pair import pair_of

    parts = compare(*pair_of(a, b, store))
    emit(parts) if as_json else click.echo(changes_text(parts))
