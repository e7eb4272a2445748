"""`slearn show`: what happened in a run, or what an agent looks like."""

from __future__ import annotations

from pathlib import Path

import click

from slearn.cli import options
from slearn.cli.output import emit, say


@click.command()
@click.argument("run", metavar="RUN|AGENT")
@options.store
@options.as_json
def show(run: str, store: Path, as_json: bool) -> None:
    """Show what happened in a run and why, or draw an agent.

    Of a run: figures before and after, what each step tried and why it was accepted or not, and
    what the model said of one example. RUN "last" is the newest. Of an agent file, or a directory
    that `slearn init` made: its flow, and what its nodes read and give.
    """
    from slearn.cli.pair import is_file
    from slearn.cli.sketch import sketch_of, sketch_text
    from slearn.cli.sources import Source
    from slearn.cli.story import story_of, story_text
    from slearn.store import Store

    if is_file(run):
        sketch = sketch_of(Source.open(Path(run)).agent)
        emit(sketch) if as_json else click.echo(sketch_text(sketch))
        return
    with Store.open(store, create=False, notice=say) as opened:
        story = story_of(opened, opened.run(run))
    emit(story) if as_json else click.echo(story_text(story))
