"""`slearn doctor`: what this machine has, and how fast a model runs on it."""

from __future__ import annotations

import click

from slearn.cli import options
from slearn.cli.output import emit


@click.command()
@click.option("--model", metavar="M", help="Load this model and time one sentence.")
@options.threads
@options.as_json
def doctor(model: str | None, threads: int | None, as_json: bool) -> None:
    """Say what this machine has, and time a model."""
    from slearn.cli.checkup import examine, report_text

    report = examine(model, threads)
    emit(report) if as_json else click.echo(report_text(report))
