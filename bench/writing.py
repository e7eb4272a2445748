"""Creative writing: from one node with one line to what training makes of it, and who prefers that.

    python bench/writing.py run --model PATH [--judge PATH] --seeds 0,1 --minutes 30 \\
        [--tokens N] [--settings full,no-structure]
    python bench/writing.py table

Four sentences are given, and four paragraphs of at most 60 tokens each are wanted that end with
them (the task is that of Tree of Thoughts, Yao et al. 2023). There is no target: the metric is the
judge. Training has the train rows and the first 10 of val, the report the first 20 of test. Files
with nothing but id and input are written for it, so that nobody in training can look at the end
sentences; this bench alone does, in plain code, in what the start and the trained agent wrote:

- strict: the share of texts with all four of them, each at the end of a paragraph, in order;
- loose: the share of texts in which all four occur somewhere; `of four`, how many do on average;
- own words: how many others a text has. A bare copy of the input is strict as well.

Then a judge (the model itself, or that of --judge) weighs both texts of each row as A and B, once
in each order. It prefers one where both orders agree; else it is a tie. Strictness and preference
are of the same rows, and rows are the only sample: each line is of one seed.

One JSON line a run, the model loaded once with the settings of `slearn tune`. A run that has a line
is not made again, and one that was interrupted leaves nothing, so the same command goes on.
"""

from __future__ import annotations

import argparse
import json
import re
import signal
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from itertools import islice, product
from pathlib import Path
from statistics import fmean
from typing import Any

from contenders import SETTINGS, UNBUDGETED, Job
from ledger import ROOT, Line, code, ended, folder_of, latest, make, writing
from suite import CELLS

from slearn.agent import (
    Agent,
    Contract,
    Field,
    Flow,
    Node,
    agent_to_text,
    flow_lines,
    save_agent,
)
from slearn.cli.engines import engine_settings, identify, open_noted, open_pair
from slearn.cli.plan import Plan, make_plan
from slearn.cli.room import Room
from slearn.engine import Engine, Message, ScoreRequest
from slearn.metrics import mean_interval
from slearn.result import RunResult
from slearn.store import Store
from slearn.tools import Toolbox, ToolEngine

RESULTS = ROOT / "bench" / "results" / "writing.jsonl"
TASK, START, INPUT, ENDS = "creative_writing", "described", "input", "end_sentences"
ROWS: dict[str, int | None] = {"train": None, "val": 10, "test": 20}  # the first so many, or all
PARAGRAPHS, TOKENS = 4, 60
BREAKS = 8  # tokens for what stands between paragraphs
CHARS = 6  # of a token, at most: the bound in tokens is the one that counts
TRAININGS = tuple(name for name in SETTINGS if name not in UNBUDGETED)
KEYS = ("model", "judge", "setting", "seed", "budget")
LABELS = ("A", "B")

SYSTEM = "You compare two texts by how well they do what was asked."
QUESTION = """The task:
{task}

Input:
{input}

Text A:
{a}

Text B:
{b}

Which text does the task better? Reply with A or B only."""

_PLAIN = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": "..."})
# What may close a paragraph behind its sentence. Some sentences of the data lack their full stop,
# so a full stop tells nothing.
_CLOSERS = " \"'*_)."


def main() -> None:
    """Make the runs that are missing, or print what there is."""
    given = _arguments()
    if given.action == "run":
        ended(lambda: run(given))
    lines = latest(given.results, key_of)
    if not lines:
        sys.exit("nothing was measured yet")
    print(table(lines))


def run(given: argparse.Namespace) -> int:
    """Make every run that has no line yet; return how many could not be made."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that temporary folders go
    model = identify(given.model)
    other = identify(given.judge) if given.judge else model
    noted, also = (engine_settings(CELLS, None, one) for one in (model, other))
    with ExitStack() as stack:
        add = stack.enter_context(writing(given.results))
        known = {key_of(line) for line in latest(given.results, key_of)}
        cells = [c for c in _cells(given, model["name"], other["name"]) if key_of(c) not in known]
        if not cells:
            return 0
        box = stack.enter_context(Toolbox())
        if box.missing:  # another method would be measured
            sys.exit(box.missing)
        if other == model:
            engine = judge = stack.enter_context(open_noted(model, noted))
        else:
            engine, judge = open_pair((model, noted), (other, also), Room())
            stack.enter_context(engine)
            stack.enter_context(judge)
        engine = ToolEngine(engine, box)
        seen = {"engine": noted, "code": code()}
        return make(
            cells,
            lambda cell: {**measure(given, cell, engine, judge), **seen},
            add,
            lambda cell: f"{cell['setting']} seed {cell['seed']}",
            told,
        )


def told(found: Line) -> str:
    """Return what a run has come to."""
    strict, won = found["held"]["trained"]["strict"]["value"], found["preferred"]["wins"]
    return f"{found['nodes']} nodes, {strict:.0%} strict, preferred {won} times"


def measure(given: argparse.Namespace, cell: Line, engine: Engine, judge: Engine) -> dict[str, Any]:
    """Train once, and return what the line says; the store is thrown away or kept."""
    told = json.loads((given.data / "starts.json").read_text(encoding="utf-8"))[TASK][START]
    with folder_of(given.keep, (cell[key] for key in KEYS)) as folder:
        files = {name: bare(given.data, name, folder) for name in ROWS}
        save_agent(start_agent(told), folder / "agent.yaml")
        asked: dict[str, Any] = {
            **files,
            **dict.fromkeys(("data", "out", "optimizer_model", "threads", "test_limit")),
            "model": given.model,
            "context": CELLS,
            "seed": cell["seed"],
            "budget_tokens": given.tokens,
            "budget_minutes": None if given.tokens else given.minutes,
        }
        plan = make_plan(folder / "agent.yaml", asked)
        check_blind(plan)
        with Store.open(folder / "store.duckdb") as store:
            result = SETTINGS[cell["setting"]](Job(plan, engine, store))
            tried = store.records(result.run, "candidates")
    rows = rows_of(given.data, "test")  # and only now somebody looks at the end sentences
    agent, ends = result.agent, [row[ENDS] for row in rows]
    # The report of a training run has read these rows already, by likeliest words.
    before, after = (_answers(rows, result, when) for when in ("before", "after"))
    return {
        **result.as_json(),
        "before_items": [round(score, 3) for score in result.before.scores],
        "after_items": [round(score, 3) for score in result.after.scores],
        "nodes": len(agent.nodes),
        "flow": flow_lines(agent.flow),
        "operators": [one["operator"] for one in tried if one["status"] == "accepted"],
        "trained": agent_to_text(agent),
        "held": {"start": held(before, ends), "trained": held(after, ends)},
        "preferred": preferred(told, [row[INPUT] for row in rows], before, after, judge),
        "texts": [
            {"id": row["id"], "start": old, "trained": new}
            for row, old, new in zip(rows, before, after, strict=True)
        ],
    }


def start_agent(told: str) -> Agent:
    """Return the agent that training starts from: one node, one line, paragraphs for an answer.

    >>> start_agent("Write.").last.output.answer.max_tokens
    248
    """
    most = PARAGRAPHS * TOKENS + BREAKS
    field = Field(max_chars=CHARS * most, max_tokens=most, multiline=True)
    node = Node("answer", (told,), (INPUT,), Contract((field,)))
    return Agent("writer", (node,), Flow((node.name,)), "judge")


def rows_of(data: Path, split: str) -> list[dict[str, Any]]:
    """Return the rows of a split that are used."""
    with (data / TASK / f"{split}.jsonl").open(encoding="utf-8") as file:
        return [json.loads(line) for line in islice(file, ROWS[split])]


def bare(data: Path, split: str, folder: Path) -> Path:
    """Write the rows of a split without what training must not see; return the file."""
    place = folder / f"{split}.jsonl"
    rows = [{"id": row["id"], INPUT: row[INPUT]} for row in rows_of(data, split)]
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    place.write_text("".join(lines), encoding="utf-8")
    return place


def check_blind(plan: Plan) -> None:
    """Make sure that an example holds its input and nothing else, and that test rows stay apart."""
    data = plan.data
    assert plan.agent.columns == (INPUT,)
    for row in (*data.train, *data.val, *(data.test or ())):
        assert set(row.inputs) == {INPUT} and set(row.row) == {"id", INPUT}, row.id
        assert not row.targets, row.id
    learned = {row.inputs[INPUT] for row in (*data.train, *data.val)}
    assert not any(row.inputs[INPUT] in learned for row in data.test or ())


def _answers(rows: Sequence[Mapping[str, Any]], result: RunResult, when: str) -> list[str]:
    """Return what was written to the test rows, in their order."""
    taken = getattr(result, when).trajectories
    assert [one.example.inputs[INPUT] for one in taken] == [row[INPUT] for row in rows]
    return [one.answer for one in taken]


def held(texts: Sequence[str], ends: Sequence[Sequence[str]]) -> dict[str, Any]:
    """Return how texts hold their end sentences: shares with intervals, and means."""
    pairs = list(zip(texts, ends, strict=True))
    some = [occurring(text, own) for text, own in pairs]
    final = [ending(text, own) for text, own in pairs]
    whole = [len(own) for _, own in pairs]
    return {
        "strict": _share(count == most for count, most in zip(final, whole, strict=True)),
        "loose": _share(count == most for count, most in zip(some, whole, strict=True)),
        "of_four": fmean(some),
        "ending": fmean(final),
        "own_words": round(fmean(own_words(text, own) for text, own in pairs), 1),
        "items": [list(pair) for pair in zip(final, some, strict=True)],
    }


def ending(text: str, sentences: Sequence[str]) -> int:
    """Return how many sentences end a paragraph, each one behind the paragraph of the one before.

    >>> ending("It rained.\\n\\nWe ran. It was late!", ["It rained.", "It was late!"])
    2
    """
    left = [core(part) for part in paragraphs(text)]
    count = 0
    for sentence in sentences:
        place = next((n for n, part in enumerate(left) if _ends(part, core(sentence))), None)
        if place is not None:
            count, left = count + 1, left[place + 1 :]
    return count


def occurring(text: str, sentences: Sequence[str]) -> int:
    """Return how many sentences occur in a text, wherever.

    >>> occurring("It rained. It\\nwas  late!", ["It was late!", "It rained.", "It snowed."])
    2
    """
    whole = plain(text)
    return sum(core(sentence) in whole for sentence in sentences)


def own_words(text: str, sentences: Sequence[str]) -> int:
    """Return how many words a text has besides its sentences, each taken off once.

    >>> own_words("We ran, and it rained. It was late!", ["It was late!"])
    5
    """
    whole = plain(text)
    for sentence in sorted(map(core, sentences), key=len, reverse=True):
        whole = whole.replace(sentence, " ", 1)
    return len(re.findall(r"\w[\w'-]*", whole))


def paragraphs(text: str) -> list[str]:
    """Return the paragraphs of a text: blank lines part them, or line breaks where none is blank.

    >>> paragraphs("One.\\nTwo."), paragraphs("One.\\nMore.\\n \\nTwo.")
    (['One.', 'Two.'], ['One.\\nMore.', 'Two.'])
    """
    lines = "\n".join(text.strip().splitlines())
    parts = re.split(r"\n\s*\n", lines)
    return [part for part in (parts if len(parts) > 1 else lines.split("\n")) if part.strip()]


def plain(text: str) -> str:
    """Return a text with plain quotes and dashes and single spaces.

    >>> plain("“Don’t”  —\\nshe said")
    '"Don\\'t" - she said'
    """
    return " ".join(text.translate(_PLAIN).split())


def core(text: str) -> str:
    """Return a plain text without what may close it: quotes, emphasis, a full stop.

    >>> core("*It was late.*"), core("It was late!")
    ('*It was late', 'It was late!')
    """
    return plain(text).rstrip(_CLOSERS)


def _ends(part: str, sentence: str) -> bool:
    """Say whether a paragraph ends with a sentence, and not with a longer word."""
    before = part[: -len(sentence)]
    return part.endswith(sentence) and not before[-1:].isalnum()


def preferred(
    task: str, inputs: Sequence[str], before: Sequence[str], after: Sequence[str], judge: Engine
) -> dict[str, Any]:
    """Return how often a judge prefers what the trained agent wrote, blind and in both orders."""
    pairs = list(zip(inputs, before, after, strict=True))
    requests = [
        question(task, given, *texts)
        for given, old, new in pairs
        for texts in ((old, new), (new, old))
    ]
    leads = [score.logprobs[0] - score.logprobs[1] for score in judge.score(requests)]  # of A
    said = [(-first, second) for first, second in zip(leads[::2], leads[1::2], strict=True)]
    verdicts = [verdict(*lead) for lead in said]
    wins, losses, ties = (verdicts.count(kind) for kind in (1, -1, 0))
    return {
        "wins": wins,
        "losses": losses,
        "ties": ties,
        "of_all": _share(kind == 1 for kind in verdicts),
        "of_decided": _share(kind == 1 for kind in verdicts if kind),
        "first": round(fmean(lead > 0 for lead in leads), 3),  # how often A: a half without a bias
        "leads": [[round(lead, 3) for lead in both] for both in said],  # of the trained, in nats
    }


def question(task: str, given: str, a: str, b: str) -> ScoreRequest:
    """Return what a judge is asked of two texts: no word tells who wrote which."""
    asked = QUESTION.format(task=task, input=given, a=a, b=b)
    grammar = Contract((Field(type="choice", choices=LABELS),)).grammar()
    messages = (Message("system", SYSTEM), Message("user", asked))
    return ScoreRequest(messages, LABELS, grammar, where="blind judgement")


def verdict(second: float, first: float) -> int:
    """Return 1 where a text leads in both places, -1 where it is behind in both, else 0.

    >>> verdict(0.5, 2.0), verdict(-0.5, 2.0), verdict(-0.5, -1.0), verdict(0.0, 0.0)
    (1, 0, -1, 0)
    """
    return (second > 0 and first > 0) - (second < 0 and first < 0)


def _share(kinds: Iterable[bool]) -> dict[str, float]:
    return {
        key: round(figure, 4)
        for key, figure in asdict(mean_interval([float(kind) for kind in kinds])).items()
    }


def table(lines: Iterable[Line]) -> str:
    """Return a row a run as Markdown; where two figures stand, the start's is the first."""
    names = (
        *KEYS, "nodes", "flow", "accepted", "strict", "loose", "of four", "own words", "grade",
        "wins, ties, losses", "preferred (95%)", "of the decided (95%)", "tokens", "s",
    )  # fmt: skip
    rows = [f"| {' | '.join(names)} |", "|---" * len(names) + "|"]
    for line in sorted(lines, key=key_of):
        start, end, judged = line["held"]["start"], line["held"]["trained"], line["preferred"]
        tokens = line["tokens"]
        cells = (
            *(line[key] for key in KEYS),
            line["nodes"],
            ", ".join(line["flow"]),
            ", ".join(line["operators"]) or "none",
            f"{start['strict']['value']:.2f}, {_shown(end['strict'])}",
            f"{start['loose']['value']:.2f}, {_shown(end['loose'])}",
            f"{start['of_four']:.2f}, {end['of_four']:.2f}",
            f"{start['own_words']:.0f}, {end['own_words']:.0f}",
            f"{line['before']['score']:.2f}, {line['after']['score']:.2f}",
            f"{judged['wins']}, {judged['ties']}, {judged['losses']}",
            _shown(judged["of_all"]),
            _shown(judged["of_decided"]),
            tokens["prompt"] + tokens["generated"] + tokens["scored"],
            f"{line['seconds']['train']:.0f}",
        )
        rows.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(rows)


def key_of(line: Line) -> tuple[str, ...]:
    """Return which cell a line is of."""
    return tuple(str(line[key]) for key in KEYS)


def _shown(share: Mapping[str, float]) -> str:
    if not share["n"]:
        return "-"
    return f"{share['value']:.2f} ({share['low']:.2f} to {share['high']:.2f})"


def _cells(given: argparse.Namespace, model: str, judge: str) -> Iterable[Line]:
    """Yield all cells, settings of a seed side by side."""
    budget = f"{given.tokens} tokens" if given.tokens else f"{given.minutes:g} minutes"
    for seed, setting in product(given.seeds, given.settings):
        yield dict(zip(KEYS, (model, judge, setting, int(seed), budget), strict=True))


def _names(text: str) -> list[str]:
    return text.split(",")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--results", type=Path, default=RESULTS)
    actions = parser.add_subparsers(dest="action", required=True)
    make = actions.add_parser("run", help="make the runs that are missing")
    make.add_argument("--model", required=True)
    make.add_argument("--judge", help="of the blind judgement; the model itself without")
    make.add_argument("--seeds", type=_names, default="0,1")
    make.add_argument("--settings", type=_names, default="full", help=", ".join(TRAININGS))
    budget = make.add_mutually_exclusive_group()
    budget.add_argument("--minutes", type=float, default=30.0)
    budget.add_argument("--tokens", type=int, help="instead of minutes: the same on any machine")
    make.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    make.add_argument("--keep", type=Path, help="a folder for the stores, to look into the runs")
    actions.add_parser("table", help="print every run")
    given = parser.parse_args()
    for name in vars(given).get("settings", ()):  # before a model is loaded
        if name not in TRAININGS:
            parser.error(f"no setting {name!r}; there are {', '.join(TRAININGS)}")
    return given


if __name__ == "__main__":
    main()
