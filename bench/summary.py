"""The results as Markdown: a row a run, a row a group of runs, and two settings side by side.

Where a run has no scores of its rows, its mean stands for them: its task then has too narrow an
interval, and is not judged to gain or lose.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from bootstrap import Run, mean_gain, over_tasks
from ledger import Line

KEYS = ("model", "task", "start", "seed", "setting", "budget", "test_limit")
OWN = "its own"  # the budget of what has none: it is compared with any
Pair = tuple[Line, Line]


def key_of(line: Line, *, without: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return which cell a line is of."""
    return tuple(str(line[key]) for key in KEYS if key not in without)


def runs_table(lines: Iterable[Line]) -> str:
    """Return a row a run; the gain's interval is over its rows alone."""
    names = ("model", "task", "start", "seed", "setting")
    rows = [_head(*names, "before", "after", "gain (95%)", "accepted", "tokens", "s")]
    for line in sorted(lines, key=key_of):
        gain, tokens = line["gain"], line["tokens"]
        used = tokens["prompt"] + tokens["generated"] + tokens["scored"]
        rows.append(
            _row(
                *(line[name] for name in names),
                f"{line['before']['score']:.2f}",
                f"{line['after']['score']:.2f}",
                f"{gain['value']:+.2f} ({gain['low']:+.2f} to {gain['high']:+.2f})",
                f"{line['accepted']} of {line['accepted'] + line['rejected']}",
                used,
                f"{line['seconds']['train']:.0f}",
            )
        )
    return "\n".join(rows)


def groups_table(lines: Iterable[Line], by: Sequence[str]) -> str:
    """Return a row a group: means over tasks, and how many tasks moved beyond their interval."""
    by = ["model", *(name for name in by if name != "model")]
    counted = ("tasks", "runs", "before", "after", "gain (95%)", "tasks up", "down", "judged")
    rows = [_head(*by, *counted)]
    for group, found in _grouped([(line, line) for line in lines], by).items():
        own = [line for line, _ in found]
        runs = [_run(line, _scores(line, "before"), _scores(line, "after")) for line in own]
        judged = [
            mean_gain(run for run in runs if run.task == task)
            for task in {run.task for run in runs}
            if all(_known(line) for line in own if line["task"] == task)
        ]
        rows.append(
            _row(
                *group,
                len({run.task for run in runs}),
                len(runs),
                f"{_mean(own, 'before'):.2f}",
                f"{_mean(own, 'after'):.2f}",
                mean_gain(runs),
                sum(gain.low > 0 for gain in judged),
                sum(gain.high < 0 for gain in judged),
                len(judged),
            )
        )
    return "\n".join(rows)


def comparison(lines: Sequence[Line], first: str, second: str, by: Sequence[str]) -> str:
    """Return the first setting's scores after training minus the second's, where both ran."""
    by = ["model", *(name for name in by if name not in ("model", "setting"))]
    pairs = _pairs(lines, first, second)
    names = ("tasks", "cells", first, second, f"{first} - {second} (95%)")
    rows = [_head(*by, *names)]
    groups = _grouped(pairs, by)
    for group, found in _grouped(pairs, by[:1]).items():
        groups[(*group, *("all" for _ in by[1:]))] = found
    for group, found in groups.items():
        ours, theirs = ([pair[side] for pair in found] for side in (0, 1))
        rows.append(
            _row(
                *group,
                len({line["task"] for line in ours}),
                len(found),
                f"{_mean(ours, 'after'):.2f}",
                f"{_mean(theirs, 'after'):.2f}",
                mean_gain(_difference(one, other) for one, other in found),
            )
        )
    return "\n".join(rows)


def _pairs(lines: Sequence[Line], first: str, second: str) -> list[Pair]:
    """Return the cells that both settings have; a budget of its own goes with any."""
    found: dict[tuple[str, ...], dict[str, Line]] = defaultdict(dict)
    own: dict[tuple[str, ...], dict[str, Line]] = defaultdict(dict)
    for line in lines:
        if line["budget"] == OWN:
            own[key_of(line, without=("setting", "budget"))][line["setting"]] = line
        else:
            found[key_of(line, without=("setting",))][line["setting"]] = line
    pairs = []
    for settings in found.values():
        some = next(iter(settings.values()))
        settings = {**own[key_of(some, without=("setting", "budget"))], **settings}
        if first in settings and second in settings:
            pairs.append((settings[first], settings[second]))
    if not pairs:  # both have budgets of their own
        pairs = [(at[first], at[second]) for at in own.values() if first in at and second in at]
    return sorted(pairs, key=lambda pair: key_of(pair[0]))


def _grouped(pairs: Iterable[Pair], by: Sequence[str]) -> dict[tuple[str, ...], list[Pair]]:
    groups: dict[tuple[str, ...], list[Pair]] = defaultdict(list)
    for pair in sorted(pairs, key=lambda pair: key_of(pair[0])):
        groups[tuple(str(pair[0][name]) for name in by)].append(pair)
    return {group: groups[group] for group in sorted(groups)}


def _difference(one: Line, other: Line) -> Run:
    """Return from the other's answers to the one's: means alone where either has no more."""
    ours, theirs = _scores(one, "after"), _scores(other, "after")
    if len(ours) != len(theirs):
        ours, theirs = (one["after"]["score"],), (other["after"]["score"],)
    return _run(one, theirs, ours)


def _run(line: Line, before: tuple[float, ...], after: tuple[float, ...]) -> Run:
    return Run(line["task"], line["seed"], before, after)


def _scores(line: Line, when: str) -> tuple[float, ...]:
    return tuple(line[f"{when}_items"]) if _known(line) else (line[when]["score"],)


def _known(line: Line) -> bool:
    return bool(line.get("before_items") and line.get("after_items"))


def _mean(lines: Iterable[Line], when: str) -> float:
    return over_tasks((line["task"], line["seed"], line[when]["score"]) for line in lines)


def _head(*names: str) -> str:
    return f"{_row(*names)}\n{'|---' * len(names)}|"


def _row(*cells: object) -> str:
    return f"| {' | '.join(str(cell) for cell in cells)} |"
