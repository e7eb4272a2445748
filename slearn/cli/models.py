"""`slearn models`: which models there are, and where they lie."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from slearn.cli import options
from slearn.cli.output import emit, table
from slearn.errors import ModelFileError


@click.group()
def models() -> None:
    """List, add, verify, remove and download models."""


@models.command("list")
@options.as_json
def list_all(as_json: bool) -> None:
    """List the models that slearn knows by name, with their state."""
    from slearn.catalog import list_models

    found = [asdict(status) | {"path": _text(status.path)} for status in list_models()]
    shown = ("name", "state", "bytes", "licence", "source")
    rows = [{key: row[key] for key in shown} for row in found]
    emit(found) if as_json else click.echo(table(rows))


@models.command()
@click.argument("path", type=options.FILE)
@click.option("--name", metavar="N", help="What to call it.  [default: the file's name]")
@options.as_json
def add(path: Path, name: str | None, as_json: bool) -> None:
    """Register the GGUF file at PATH under a name; it stays where it is."""
    from slearn.catalog import add

    model = add(path, name)
    emit(_plain(model)) if as_json else click.echo(f"added {model.name}: {model.path}")


@models.command()
@click.argument("name", required=False)
@options.as_json
def verify(name: str | None, as_json: bool) -> None:
    """Compare the hash of model NAME, or of all on this machine, with the record."""
    from slearn.catalog import verify

    rows = [
        {"name": found.model.name, "ok": found.ok, "message": found.message}
        for found in verify(name)
    ]
    emit(rows) if as_json else click.echo(table(rows) or "no model is on this machine")
    bad = [row["name"] for row in rows if not row["ok"]]
    if bad:
        raise ModelFileError(f"not as recorded: {', '.join(map(str, bad))}")


@models.command()
@click.argument("name")
@options.as_json
def rm(name: str, as_json: bool) -> None:
    """Forget model NAME; its file is deleted only if slearn downloaded it."""
    from slearn.catalog import remove

    deleted = remove(name)
    done = "removed with its file" if deleted else "forgotten, its file stays where it is"
    emit({"name": name, "deleted": deleted}) if as_json else click.echo(f"{name}: {done}")


@models.command()
@click.argument("name")
@options.as_json
def pull(name: str, as_json: bool) -> None:
    """Download model NAME, of the list or hf:ORG/REPO/FILE.gguf."""
    from slearn.catalog import pull
    from slearn.cli.live import LiveLine

    with LiveLine() as line:
        model = pull(
            name,
            progress=lambda done, total: line.show(
                f"{name}: {done / 1e6:,.0f} of {total / 1e6:,.0f} MB"
            ),
        )
    emit(_plain(model)) if as_json else click.echo(f"{model.name}: {model.path}")


def _plain(model: Any) -> dict[str, Any]:
    return asdict(model) | {"path": str(model.path)}


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
