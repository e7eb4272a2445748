"""`slearn tool`: tools of an agent or a Python file, run, listed, shown, exported and added."""

from __future__ import annotations

from pathlib import Path

import click

from slearn.cli import options
from slearn.cli.output import emit, one_line, table

FAILED = 3


@click.group()
def tool() -> None:
    """Run, list, show, export and add tools."""


@tool.command()
@click.argument("file", type=options.FILE)
@click.argument("name")
@click.option("--args", "arguments", metavar="JSON", default="{}", help="An object of arguments.")
@options.sandbox
@options.as_json
def run(file: Path, name: str, arguments: str, sandbox: str, as_json: bool) -> int:
    """Run tool NAME of FILE, an agent or a Python file, with arguments.

    Its value goes to standard output, and the exit code is 3 where it fails.
    """
    from slearn.cli.toolwork import run_tool

    found = run_tool(file, name, arguments, sandbox)
    if as_json:
        emit(found)
    elif found["ok"]:
        emit(found["value"])
    else:
        click.echo(f"failed: {one_line(found['error'])}", err=True)
    return 0 if found["ok"] else FAILED


@tool.command("list")
@click.argument("file", type=options.FILE)
@options.as_json
def list_all(file: Path, as_json: bool) -> None:
    """List the tools of FILE, an agent or a Python file."""
    from slearn.cli.toolwork import tool_rows

    rows = tool_rows(file)
    emit(rows) if as_json else click.echo(table(rows) or "no tools")


@tool.command()
@click.argument("file", type=options.FILE)
@click.argument("name")
@options.as_json
def show(file: Path, name: str, as_json: bool) -> None:
    """Show tool NAME of FILE as a model reads it, and its code."""
    from slearn.cli.toolwork import tool_body

    found = tool_body(file, name)
    if as_json:
        emit(found)
        return
    click.echo(found["signature"])
    click.echo(f"\n{found['code'].rstrip() or found['function'] or found['server']}")


@tool.command()
@click.argument("file", type=options.FILE)
@click.argument("name")
@click.option("-o", "out", type=options.FILE, metavar="FILE", required=True, help="A Python file.")
@options.as_json
def export(file: Path, name: str, out: Path, as_json: bool) -> None:
    """Write the code of tool NAME to a Python file, for other agents and programs."""
    from slearn.cli.toolwork import export_tool

    export_tool(file, name, out)
    if as_json:
        emit({"tool": name, "file": str(out)})


@tool.command()
@click.argument("agent", type=options.FILE)
@click.option("--file", type=options.FILE, metavar="FILE", help="A Python file, or another agent.")
@click.option(
    "--name",
    metavar="NAME",
    help="One of its tools, or the name that your function gets.  [default: all, its own]",
)
@click.option(
    "--function", metavar="M:F", help="Your own function, module:function; it is trusted."
)
@click.option("--server", metavar="COMMAND", help="A command that speaks MCP; all its tools.")
@click.option("--node", metavar="NODE", help="Who gets them.  [default: the last node]")
@options.as_json
def add(
    agent: Path, file: Path | None, name: str | None, function: str | None, server: str | None,
    node: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Give tools to a node of AGENT; the agent file is written anew.

    Code of a Python file goes into the agent file and runs in a sandbox. A function of your own
    and the tools of a server run as they are.
    """
    from slearn.cli.toolwork import add_tools

    given = add_tools(agent, file, name, function, server, node)
    if as_json:
        emit(given)
