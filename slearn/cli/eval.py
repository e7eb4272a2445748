"""`slearn eval`: scores an agent on data."""

from __future__ import annotations

from pathlib import Path

import click

from slearn.cli import options
from slearn.cli.output import emit, figure
from slearn.errors import BelowMinimum


@click.command("eval")
@click.argument("agent", type=options.FILE)
@click.option("--data", type=options.FILE, metavar="FILE", required=True, help="Rows with targets.")
@options.inputs
@options.target
@options.choices
@options.functions
@options.model
@click.option("--limit", type=options.COUNT, metavar="N", help="Read at most N rows.")
@click.option(
    "--min-score", type=options.Finite(min=0, max=1), metavar="X",
    help="Exit with 4 where the score is below.",
)  # fmt: skip
@options.context
@options.threads
@options.max_memory
@options.sandbox
@options.as_json
def evaluate(
    agent: Path, data: Path, model: str, limit: int | None, min_score: float | None,
    context: int, threads: int | None, max_memory: int | None, sandbox: str, as_json: bool,
    **columns: str | None,
) -> None:  # fmt: skip
    """Score an agent on data.

    AGENT is an agent file, or a directory that `slearn init` made.
    """
    from slearn.cli.scoring import score_agent

    report = score_agent(
        agent, data, model,
        columns=columns, limit=limit, context=context, threads=threads, max_memory=max_memory,
        sandbox=sandbox, quiet=as_json,
    )  # fmt: skip
    if as_json:
        emit(report)
    else:
        cost = f"{report['tokens']:,} tokens, {report['seconds']:.1f} s"
        click.echo(f"{report['metric']} {figure(report)}, {cost}")
    if min_score is not None and report["score"] < min_score:
        raise BelowMinimum(f"the score {report['score']:.3f} is below --min-score {min_score:g}")
