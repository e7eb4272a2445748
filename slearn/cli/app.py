"""The program: its commands, and the one place where errors become a line and an exit code.

0    done, also when nothing was accepted
1    a fault of ours
2    bad input
3    a tool that was run by hand failed
4    a score below --min-score
130  interrupted
"""

from __future__ import annotations

import os
import sys
import traceback
from io import TextIOWrapper
from typing import Any

import click

from slearn import __version__
from slearn.cli.diff import diff
from slearn.cli.doctor import doctor
from slearn.cli.eval import evaluate
from slearn.cli.export import export
from slearn.cli.init import init
from slearn.cli.models import models
from slearn.cli.output import say
from slearn.cli.run import run
from slearn.cli.runs import runs
from slearn.cli.show import show
from slearn.cli.tool import tool
from slearn.cli.train import train
from slearn.cli.tune import tune
from slearn.errors import SlearnError

DEBUG = "SLEARN_DEBUG"
INTERRUPTED = 130


class Program(click.Group):
    """A group of commands that always ends with one of slearn's exit codes."""

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run a command line and exit: the entry point of `slearn`."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, TextIOWrapper):  # a terminal that lacks a letter is no error
                stream.reconfigure(errors="backslashreplace")
        options = {"prog_name": "slearn", **extra, "standalone_mode": False}
        try:
            code = super().main(*args, **options)
        except Exception as error:
            code = report(error)
        sys.exit(code if isinstance(code, int) else 0)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order in which they are used."""
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a reader that went away (`| head`) ends it quietly."""
        try:
            code = super().invoke(ctx)
            sys.stdout.flush()
            return code
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(0)
        except KeyboardInterrupt:
            raise click.Abort from None


def report(error: Exception) -> int:
    """Tell the user in one line what happened, and return the exit code.

    >>> report(SlearnError("it broke"))
    1
    """
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.ctx.get_help() if error.ctx else error.format_message(), err=True)
        return error.exit_code
    if isinstance(error, click.Abort):
        say("slearn: interrupted")
        return INTERRUPTED
    if isinstance(error, click.ClickException):
        path = getattr(getattr(error, "ctx", None), "command_path", "")
        say(f"slearn: {error.format_message()}" + (f" (see {path} --help)" if path else ""))
        return error.exit_code
    if os.environ.get(DEBUG) == "1":
        traceback.print_exception(error)
    if isinstance(error, SlearnError):
        say(f"slearn: {error}")
        return error.exit_code
    fault = f"{type(error).__name__}: {error}"
    say(f"slearn: internal fault, {fault} (set {DEBUG}=1 for the traceback)")
    return 1


_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group("slearn", cls=Program, context_settings=_SETTINGS)
@click.version_option(__version__, prog_name="slearn")
def main() -> None:
    """Train LLM agents the way a network is trained, with nothing but a local model.

    Start with `slearn init`, then `slearn train`.
    """


for command in (init, train, evaluate, run, runs, show, diff, export, tool, doctor, tune, models):
    main.add_command(command)
