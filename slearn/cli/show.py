"""`slearn show`: what happened in a run."""

from __future__ import annotations

from pathlib import Path

import click

from slearn.cli import options
from slearn.cli.output import emit, say


@click.command()
@click.argument("run")
@options.store
@options.as_json
def show(run: str, store: Path, as_json: bool) -> None:
    """Show what happened in a run and why.

    Figures before and after, what each step tried and why it was accepted or not, and what the
    model said of one example. RUN "last" is the newest.
    """
    from slearn.cli.story import story_of, story_text
    from slearn.store import Store

    with Store.open(store, create=False, notice=say) as opened:
        story = story_of(opened, opened.run(run))
    emit(story) if as_json else click.echo(story_text(story))
