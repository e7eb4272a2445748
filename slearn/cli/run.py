"""`slearn run`: an agent's answer to one input; nothing is written anywhere."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from slearn.cli import options
from slearn.cli.output import emit, say
from slearn.errors import InputError


@click.command()
@click.argument("agent", type=options.FILE)
@click.argument("text", metavar="[INPUT]", required=False)
@options.model
@options.context
@options.threads
@options.max_memory
@options.sandbox
@click.option(
    "--max-seconds",
    type=options.POSITIVE,
    metavar="N",
    help="After that no loop, vote or list of the flow begins another turn.",
)
@options.as_json
def run(
    agent: Path, text: str | None, model: str, context: int, threads: int | None,
    max_memory: int | None, sandbox: str, max_seconds: float | None, as_json: bool,
) -> None:  # fmt: skip
    """Answer one input with an agent.

    INPUT is an argument or stands on standard input; an agent that reads several values gets them
    as a JSON object. The answer goes to standard output, and nothing is written anywhere. Items of
    a list that were left out are told on standard error.
    """
    from slearn.cli.scoring import answer_one

    if text is None:
        if sys.stdin is None or sys.stdin.isatty():
            raise InputError("no input", hint="give it as an argument or on standard input")
        text = _standard_input()
    found = answer_one(
        agent, text, model, context, threads, max_memory, sandbox, seconds=max_seconds
    )
    for warning in found.warnings:
        say(f"warning: {warning}")
    if as_json:
        shown = found.as_json()
        warnings = list(found.warnings)
        emit({"answer": shown["answer"], "steps": shown["steps"], "warnings": warnings})
    else:
        click.echo(found.answer)


def _standard_input() -> str:
    raw = sys.stdin.buffer.read()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"standard input is not UTF-8 at byte {error.start}") from error
    text = text.removesuffix("\n").removesuffix("\r")
    if not text.strip():
        raise InputError("standard input is empty", hint="give the input there or as an argument")
    return text
