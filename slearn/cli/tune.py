"""`slearn tune`: finds out how a model runs fastest on this machine."""

from __future__ import annotations

import click

from slearn.cli import options
from slearn.cli.output import emit


@click.command()
@options.model
@options.context
@click.option(
    "--seconds", type=options.POSITIVE, metavar="N", default=60, show_default=True,
    help="Time to measure.",
)  # fmt: skip
@options.max_memory
@options.as_json
def tune(model: str, context: int, seconds: float, max_memory: int | None, as_json: bool) -> None:
    """Find out how a model runs fastest on this machine, and remember it.

    Threads, batch size, attention and cache are changed one at a time, and a change is kept where
    it is at least 3% faster. From then on commands run this model with these settings, unless
    --threads is given; a run that has begun keeps the settings that it began with. Let the machine
    do nothing else meanwhile.
    """
    from slearn.cli.tuner import report_text, tune_model

    report = tune_model(model, context, seconds, max_memory)
    emit(report) if as_json else click.echo(report_text(report))
