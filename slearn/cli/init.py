"""`slearn init`: looks at data and writes an agent to start from, with the data split."""

from __future__ import annotations

from pathlib import Path
from shlex import quote

import click

from slearn.cli import options
from slearn.cli.output import emit, one_line


@click.command()
@click.argument("directory", type=options.FILE)
@click.option(
    "--data", type=options.FILE, metavar="FILE", required=True,
    help="The rows: .jsonl, .json, .csv, .tsv or .parquet.",
)  # fmt: skip
@click.option(
    "--input", "inputs", metavar="COL[,COL…]", default="input", show_default=True,
    help="What the agent reads; no other column reaches it.",
)  # fmt: skip
@click.option("--target", metavar="COL", help="The right answer.  [default: target, if there]")
@click.option("--choices", metavar="COL", help="Each row's choices.  [default: choices, if there]")
@click.option(
    "--functions", metavar="COL",
    help="Each row's functions, to be called.  [default: functions, if there]",
)  # fmt: skip
@click.option(
    "--metric", metavar="M",
    help="exact, choice, number, contains, f1, set, call, tests, judge or module:function.",
)  # fmt: skip
@click.option("--instruction", metavar="TEXT", default="", help="What to tell the agent.")
@click.option("--model", metavar="M", help="The model you will train with; checked, not loaded.")
@click.option(
    "--seed", type=int, metavar="N", default=0, show_default=True, help="Seed of the split."
)
@click.option("--force", is_flag=True, help="Overwrite what is there.")
@options.as_json
def init(
    directory: Path, data: Path, inputs: str, model: str | None, force: bool, as_json: bool,
    **given: str,
) -> None:  # fmt: skip
    """Look at data and write a project to start from.

    It is decided which metric fits and what an answer looks like, and every decision is explained.
    DIRECTORY gets agent.yaml, train.jsonl, val.jsonl and test.jsonl, and data.json, which names
    the columns; edit agent.yaml where you disagree.
    """
    from slearn.cli.starting import start_project

    report = start_project(directory, data, inputs, model, force, given)
    if as_json:
        emit(report)
        return
    for decision in report["decisions"]:
        click.echo(one_line(f"{decision['what']} ({decision['why']})"))
    click.echo(f"wrote {', '.join(report['files'])}")
    click.echo(f"next: slearn train {quote(str(directory))} --model {quote(model or 'MODEL')}")
