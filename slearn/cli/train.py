"""`slearn train`: trains an agent, or goes on with a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from slearn.cli import options
from slearn.cli.output import emit
from slearn.errors import InputError


@click.command()
@click.argument("agent", type=options.FILE, required=False)
@click.option("--resume", metavar="RUN", help="Go on with a run; it needs no other option.")
@click.option("--data", type=options.FILE, metavar="DIR", help="Directory with the splits.")
@click.option("--train", type=options.FILE, metavar="FILE", help="Rows to learn from.")
@click.option("--val", type=options.FILE, metavar="FILE", help="Rows to decide with.")
@click.option("--test", type=options.FILE, metavar="FILE", help="Rows for the report alone.")
@options.inputs
@options.target
@options.choices
@options.functions
@click.option("--model", metavar="M", help="The model that runs the agent (and optimizes it).")
@click.option("--optimizer-model", metavar="M2", help="Another model that optimizes the agent.")
@click.option(
    "--budget-minutes", type=options.POSITIVE, metavar="N", help="Time to train.  [default: 5]"
)
@click.option(
    "--budget-tokens",
    type=options.COUNT,
    metavar="N",
    help="Tokens to compute; with minutes too, the smaller budget holds.",
)
@click.option(
    "--seed", type=int, metavar="N", default=0, show_default=True, help="Seed of every choice."
)
@click.option("--test-limit", type=options.COUNT, metavar="N", help="Read at most N test rows.")
@options.context
@options.threads
@options.max_memory
@options.sandbox
@click.option("-o", "out", type=options.FILE, metavar="FILE", help="Write the trained agent there.")
@options.store
@options.as_json
@click.pass_context
def train(ctx: click.Context, /, as_json: bool, store: Path, **given: Any) -> None:
    """Train an agent, or go on with a run.

    AGENT is an agent file, or a directory that `slearn init` made. Ctrl-C stops a run after the
    round in flight and says how to go on with it; a second Ctrl-C stops at once, and the run can
    still be resumed. A change is kept only where validation shows that it helps; where nothing
    does, the agent stays as it was.
    """
    from slearn.cli.story import result_text
    from slearn.cli.training import begin, go_on

    if given["resume"] is None:
        for name in ("agent", "model"):
            if given[name] is None:
                missing = "AGENT" if name == "agent" else "--model"
                raise InputError(f"{missing} is missing", hint="or go on with a run: --resume RUN")
        result = begin(given, store, quiet=as_json)
    else:
        _refuse_extras(ctx)
        result = go_on(
            given["resume"], store, given["out"], quiet=as_json, max_memory=given["max_memory"]
        )
    emit(result) if as_json else click.echo(result_text(result))


def _refuse_extras(ctx: click.Context) -> None:
    """Refuse what a run has in its own note; the memory is the machine's, not the run's."""
    own = ("resume", "store", "as_json", "out", "max_memory")
    for parameter in ctx.command.params:
        name = parameter.name or ""
        given = ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
        if given and name not in own:
            what = "AGENT" if isinstance(parameter, click.Argument) else parameter.opts[0]
            raise InputError(f"--resume takes all that from the run: leave {what} out")
