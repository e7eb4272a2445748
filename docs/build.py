"""Writes the generated pages of the documentation; --check fails where one is not up to date.

python docs/build.py
python docs/build.py --check
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from slearn.cli import main

HERE = Path(__file__).resolve().parent
WIDTH = 100
INTRODUCTION = """\
# The command line

<!-- Written by docs/build.py from the help of the commands: change it there. -->

Results go to standard output, everything else to standard error.

| exit code | meaning |
|---|---|
| 0 | done, also when nothing was accepted |
| 1 | a fault of ours; `SLEARN_DEBUG=1` shows the traceback |
| 2 | bad input |
| 3 | a tool that was run by hand failed |
| 4 | an evaluation scored below `--min-score` |
| 130 | interrupted |
"""


def cli_page() -> str:
    """Return the page about the command line."""
    sections = [f"## {path}\n\n```text\n{text}\n```\n" for path, text in helps("slearn", main)]
    return "\n".join([INTRODUCTION, *sections])


def helps(path: str, command: click.Command) -> Iterator[tuple[str, str]]:
    """Yield a command's path and help, then those of its own commands."""
    context = click.Context(
        command, info_name=path, terminal_width=WIDTH, help_option_names=["-h", "--help"]
    )
    lines = command.get_help(context).splitlines()
    yield path, "\n".join(line.rstrip() for line in lines)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            if child is not None:
                yield from helps(f"{path} {name}", child)


PAGES = {"cli.md": cli_page}


def build(folder: Path, *, check: bool) -> list[str]:
    """Write the pages, or only return the names of those that differ from what is there."""
    differing = []
    for name, page in PAGES.items():
        path, text = folder / name, page()
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        differing.append(name)
        if not check:
            path.write_text(text, encoding="utf-8")
    return differing


if __name__ == "__main__":
    only_check = "--check" in sys.argv[1:]
    found = build(HERE, check=only_check)
    if only_check and found:
        sys.exit(f"not up to date: {', '.join(found)}; run python docs/build.py")
