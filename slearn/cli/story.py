"""What happened in a run, told from its records: as JSON first, and that JSON in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from slearn.agent import flow_lines
from slearn.cli.history import row_of, trained_agent
from slearn.cli.output import cell, figure, one_line, shorten, visible

if TYPE_CHECKING:
    from slearn.store import RunInfo, Store

Record = Mapping[str, Any]


def story_of(store: Store, info: RunInfo) -> dict[str, Any]:
    """Return what `show --json` prints: the run's line, its result, steps, a loss and a gradient.

    Of the attributions, those of the last step that measured any.

    >>> story_of(store, store.run("r3"))["steps"][0]["status"]  # doctest: +SKIP
    'accepted'
    """
    losses = store.records(info.name, "losses")
    said = [record for record in losses if record["assessment"]]
    loss = min(said or losses, key=lambda record: record["score"], default=None)  # says most
    example = loss["example"] if loss else None
    gradients = store.records(info.name, "gradients")
    measured = store.records(info.name, "attributions")
    last = max((record["step"] for record in measured), default=None)
    fitting = [record for record in gradients if record["example"] == example]
    return {
        **row_of(info),
        "model": info.config["model"]["name"],
        "result": info.result,
        "steps": _steps(store.records(info.name, "candidates")),
        "loss": loss,
        "gradient": next(iter([*fitting, *gradients]), None),
        "attributions": [_part(record) for record in measured if record["step"] == last],
        "flow": flow_lines(trained_agent(store, info).flow),
    }


def _part(record: Record) -> dict[str, Any]:
    kept = ("node", "part", "index", "nats")
    return {**{name: record[name] for name in kept}, "n": record["rows"]}


def _steps(candidates: Iterable[Record]) -> list[dict[str, Any]]:
    steps: dict[int, list[Record]] = {}
    for record in candidates:
        steps.setdefault(record["step"], []).append(record)
    return [_step(number, records) for number, records in sorted(steps.items())]


def _step(number: int, records: Sequence[Record]) -> dict[str, Any]:
    best = min(records, key=_rank)
    counts = {status: 0 for status in ("accepted", "rejected", "lost", "refused")}
    for record in records:
        counts[record["status"]] = counts.get(record["status"], 0) + 1
    kept = ("operator", "status", "reason", "edits", "race", "validation", "confirmation")
    return {"step": number + 1, **{name: best.get(name) for name in kept}, "candidates": counts}


def _rank(record: Record) -> tuple[int, float]:
    """Order candidates by how far they came, then by what they saved in the race."""
    order = ("accepted", "rejected", "lost", "refused")
    place = order.index(record["status"]) if record["status"] in order else len(order)
    race = record.get("race") or {"loss": 0.0, "incumbent": 0.0}
    return place, float(race["loss"]) - float(race["incumbent"])


def story_text(story: Mapping[str, Any]) -> str:
    """Return a story in words.

    >>> print(story_text(story_of(store, store.run("r3"))))  # doctest: +SKIP
    """
    result = story["result"] if isinstance(story["result"], Mapping) else {}
    status = ", ".join(filter(None, (story["status"], result.get("reason"))))
    lines = [f"run {story['run']}: {status}, begun {story['created']}, {story['model']}"]
    if "before" in result:
        lines += result_text(result).splitlines()[1:]
    elif "error" in result:
        lines.append(f"error: {one_line(str(result['error']))}")
    if len(story["flow"]) > 1:
        lines += ["", "the flow:", *(f"  {visible(line)}" for line in story["flow"])]
    lines += ["", "steps (the best candidate of each):"] if story["steps"] else ["", "no step yet"]
    for step in story["steps"]:
        lines += _step_lines(step)
    if story["loss"] is not None:
        said = story["loss"]
        lines += ["", f"a loss in words (example {said['example']}, score {said['score']} of 5):"]
        lines += _words(said, ("assessment", "requirement"))
    if story["gradient"] is not None:
        said = story["gradient"]
        lines += ["", f"a gradient in words (example {said['example']}, node {said['node']}):"]
        lines += _words(said, ("kind", "output_change", "weight_change"))
    if story["attributions"]:
        count = story["attributions"][0]["n"]
        lines += ["", f"what its parts do, left out one by one (nats, n {count}, + helps):"]
        lines += [_attribution_line(found) for found in story["attributions"]]
    return "\n".join(lines)


def _attribution_line(found: Mapping[str, Any]) -> str:
    from slearn.grad import part_name

    part = part_name(found["part"], found["index"])
    return f"  {found['node']}, {part}: {found['nats']:+.3f}"


def _step_lines(step: Mapping[str, Any]) -> list[str]:
    counts = ", ".join(f"{n} {status}" for status, n in step["candidates"].items() if n)
    line = f"  {step['step']:>3}  {step['status']}: {step['operator']}, {step['reason']}"
    figures = []
    if step["validation"]:
        found = step["validation"]
        scores = f"{cell(found['before'])} to {cell(found['after'])}"
        p = "loss p" if "measured loss" in step["reason"] else "p"
        figures.append(f"validation {scores} (n {found['n']}, {p} {found['p']:.3g})")
    if step["confirmation"]:
        found = step["confirmation"]
        scores = f"{cell(found['before'])} to {cell(found['after'])}"
        figures.append(f"fresh rows {scores} (n {found['n']})")
    if step["race"]:
        race = step["race"]
        losses = f"{cell(race['incumbent'])} to {cell(race['loss'])}"
        figures.append(f"loss {losses} nats (n {race['n']})")
    lines = [line, f"       {'; '.join([*figures, counts])}"]
    return lines + [f"       {edit_text(edit)}" for edit in step["edits"] or ()]


# What a flag of an edit says, where it says what is not usual.
_FLAGS = {("behind", True): ["behind it,"], ("read", False): ["for the flow alone,"]}
_PLACES = ("line", "index", "to")  # `after` is how many lines stand before, and so counts from 1


def edit_text(edit: Mapping[str, Any]) -> str:
    """Return an edit in words; places are counted from 1, as everywhere for people.

    >>> edit_text({"op": "DropLine", "node": "answer", "line": 0})
    'DropLine: node answer, line 1'
    """
    parts = [f"{edit.get('op', 'edit')}:"]
    for name, value in edit.items():
        if name == "contract" and isinstance(value, dict):
            fields = value.get("fields", ())
            parts += [f"{one['name']}: {one['type']}," for one in fields]
            parts += ["decided by likelihood," for one in fields if one.get("decide") != "writing"]
        elif isinstance(value, dict) and "instructions" in value:  # a node that the edit brings
            parts.append(f"{name} {value['name']}: {shorten(' '.join(value['instructions']), 80)},")
        elif isinstance(value, list):
            parts.append(f"{len(value)} {name},")
        elif isinstance(value, bool):
            parts += _FLAGS.get((name, value), ())
        elif name in _PLACES and isinstance(value, int):
            parts.append(f"{name} {value + 1},")
        elif name != "op":
            parts.append(f"{name} {shorten(str(value), 80)},")
    return " ".join(parts).rstrip(",:")


def _words(record: Record, names: Iterable[str]) -> list[str]:
    return [f"  {name.replace('_', ' ')}: {shorten(str(record[name]), 400)}" for name in names]


def result_text(result: Mapping[str, Any]) -> str:
    """Return a run's result in words: before and after with their intervals, and what it cost.

    >>> result_text({"run": "r1", "status": "finished", "before": None}).splitlines()[0]
    'run r1: finished'
    """
    lines = [f"run {result['run']}: {result['status']}"]
    if result.get("reason"):
        lines[0] += f", {result['reason']}"
    if result.get("before"):
        rows = f"{result['metric']} on the {result['split']} rows"
        gain = {name: f"{value:+.3f}" for name, value in result["gain"].items()}
        lines += [
            f"before  {figure(result['before'])}  {rows}",
            f"after   {figure(result['after'])}",
            f"gain    {gain['value']} (95% interval {gain['low']} to {gain['high']})",
        ]
        if result["split"] != "test":
            lines.append("no test split: training decided with these rows, the figures flatter")
        tokens = sum(result["tokens"].get(name, 0) for name in ("prompt", "generated", "scored"))
        if result.get("left_out"):
            lines.append(f"{result['left_out']} train rows left out: they are far too long")
        lines += [f"warning: {warning}" for warning in result.get("warnings", ())]
        tried = f"{result['accepted']} accepted, {result['rejected']} rejected"
        lines.append(f"{tried}, {tokens:,} tokens computed")
    return "\n".join(lines)
