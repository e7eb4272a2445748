"""A training run from the terminal: begins it or goes on, shows it, and stops it when asked."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from shlex import quote
from typing import Any

from slearn.budget import prompt_share, with_token_budget
from slearn.cli import options
from slearn.cli.engines import open_box, open_noted, open_pair
from slearn.cli.history import check_out, trained_agent, write_agent
from slearn.cli.interrupts import interruptible
from slearn.cli.live import LiveLine, TerminalProgress
from slearn.cli.output import say
from slearn.cli.plan import Plan, make_plan, plan_from
from slearn.cli.room import Room
from slearn.errors import Interrupted, SlearnError, StoreError
from slearn.result import RunResult
from slearn.settings import TrainSettings
from slearn.store import RunLog, Store
from slearn.tools import SANDBOX, ToolEngine
from slearn.train import Engines, train


def begin(given: Mapping[str, Any], place: Path, *, quiet: bool = False) -> dict[str, Any]:
    """Begin a run with what the user gave and return its result as JSON.

    >>> begin({"agent": Path("support"), "model": "scripted"}, Path("s.duckdb"))  # doctest: +SKIP
    """
    plan = make_plan(given["agent"], given)
    with Store.open(place, notice=say) as store:
        result = _carry_out(plan, store, None, place, quiet, given.get("max_memory"))
        return _end(result, plan.config["out"])


def go_on(
    run: str,
    place: Path,
    out: Path | None = None,
    *,
    quiet: bool = False,
    max_memory: int | None = None,
) -> dict[str, Any]:
    """Go on with a run that the store knows and return its result as JSON.

    >>> go_on("r3", Path(".slearn/store.duckdb"))["status"]  # doctest: +SKIP
    'finished'
    """
    with Store.open(place, create=False, notice=say) as store:
        info = store.run(run)
        out = out or info.config["out"]
        if out is not None:
            check_out(Path(out))
        if info.status == "finished":
            say(f"run {info.name} has finished; there is nothing to go on with")
            if out is not None:
                write_agent(trained_agent(store, info), Path(out))
            return dict(info.result)
        plan = plan_from(info.config, info.name)
        return _end(_carry_out(plan, store, info.name, place, quiet, max_memory), out)


def _end(result: RunResult, out: Path | str | None) -> dict[str, Any]:
    if out is not None:
        hint = f"the run is kept: slearn export {result.run} writes it elsewhere"
        write_agent(result.agent, Path(out), hint)
    return result.as_json()


def _carry_out(
    plan: Plan, store: Store, resume: str | None, place: Path, quiet: bool, max_memory: int | None
) -> RunResult:
    config = plan.config
    settings = TrainSettings.from_json(config["settings"])
    room = Room(max_memory, tell=True)
    with ExitStack() as stack:
        named = config.get("sandbox", SANDBOX)
        box = stack.enter_context(open_box(plan.agent, named, plan.where, spare=True))
        if box.missing:
            say(f"warning: no tools are written: {box.missing}")
        agents = (config["model"], config["engine"])
        if config["optimizer_model"] is None:
            engine = other = stack.enter_context(open_noted(*agents, room))
        else:  # runs of earlier versions noted one setting for both
            noted = config.get("optimizer_engine") or config["engine"]
            engine, other = open_pair(agents, (config["optimizer_model"], noted), room)
            stack.enter_context(engine)
            stack.enter_context(other)
        alone, engine = other is engine, ToolEngine(engine, box)
        other = engine if alone else ToolEngine(other, box)
        if resume is None:
            share = prompt_share(plan.agent, plan.data.train, engine.count_tokens)
            settings = with_token_budget(settings, engine, other, share=share)
            log = store.begin({**config, "settings": settings.as_json()})
        else:
            log = store.resume(resume)
        try:
            say(_greeting(log.name, plan, settings, resumed=resume is not None))
            with TerminalProgress(LiveLine(quiet=quiet)) as progress, interruptible(progress):
                return train(plan.agent, plan.data, Engines(engine, other), log, settings, progress)
        except (Interrupted, KeyboardInterrupt):
            elsewhere = "" if place == options.DEFAULT_STORE else f" --store {quote(str(place))}"
            hint = f"go on with: slearn train --resume {log.name}{elsewhere}"
            raise Interrupted(f"run {log.name} stopped, its work is saved", hint=hint) from None
        except SlearnError as error:
            _failed(log, error)
            raise


def _failed(log: RunLog, error: SlearnError) -> None:
    with suppress(StoreError):  # the error on its way tells more
        log.finish("failed", {"error": str(error)})


def _greeting(run: str, plan: Plan, settings: TrainSettings, *, resumed: bool) -> str:
    """Return the line that a run starts with: its name, the rows, and what it may cost."""
    rows = [("train", plan.data.train), ("val", plan.data.val), ("test", plan.data.test or ())]
    counts = ", ".join(f"{len(examples)} {name}" for name, examples in rows)
    clock = f"up to {settings.budget_minutes:g} minutes, " if settings.budget_minutes else ""
    budget = f"{clock}about {settings.budget_tokens or 0:,} tokens to train"
    return " · ".join([f"run {run}", *(["resumed"] if resumed else []), f"{counts} rows", budget])
