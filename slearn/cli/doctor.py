"""`slearn doctor`: what this machine has, and how fast a model runs on it."""

from __future__ import annotations

import click

from slearn.cli import options
from slearn.cli.output import emit, say


@click.command()
@click.option(
    "--model",
    metavar="M",
    help="Load this model and time one sentence; none skips that.  [default: the tiny model]",
)
@options.threads
@options.max_memory
@options.as_json
def doctor(model: str | None, threads: int | None, max_memory: int | None, as_json: bool) -> None:
    """Say what this machine has, and time a model."""
    from slearn.cli.checkup import examine, installed, report_text

    chosen = installed() if model is None else model
    if chosen is None:
        say("no model is installed: slearn models list shows those that slearn knows")
    report = examine(None if chosen == "none" else chosen, threads, max_memory)
    emit(report) if as_json else click.echo(report_text(report))
