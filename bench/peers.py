"""The recorded workload's generation calls, replayed by slearn and by what else runs GGUF files.

    python bench/peers.py --model PATH [--runs 5] [--every 8] [--server PATH/llama-server]

Contenders take turns (A B C A B C …) on the same model file with all cores of the machine:

- slearn: round by round, as the training run asked, on the file as it came;
- slearn, tuned: the same with the settings of `slearn tune`, if it was run for this model here;
- llama: `Llama.create_chat_completion`, one after the other, no grammar, all calls of the whole run
  sorted by their text, which is the best order for its prefix reuse; each answer as many tokens as
  slearn's (a peer without a grammar would ramble on: that is not counted against it); once more on
  the weights that tuning wrote, if it wrote any;
- server: llama.cpp's own server over HTTP, as many clients as slots, same order and lengths, its
  prefix cache on; the best of --slots;
- outlines: `outlines.Generator` on the same `Llama`, generators compiled before the clock starts,
  its llguidance backend, the same grammars. It reads every prompt anew, so a call's cost does not
  depend on its neighbours: every --sample'th call is timed and the rest extrapolated.

Every turn of a contender is a line in --results as soon as it is over, so that a run which is cut
off keeps its turns. At the end seconds for all calls, medians of n turns, and each contender's
ratio to slearn in the same turn, as one JSON line.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import workload
from ledger import Line, code, writing

from slearn.catalog import recall_tuned, resolve, weights_file
from slearn.engine import Engine, EngineSettings, GenerateRequest, open_engine

RESULTS = Path(__file__).parent / "results" / "peers.jsonl"
PORT = 18_437
CORES = len(os.sched_getaffinity(0))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True)
    parser.add_argument("--workload", type=Path, default=workload.DEFAULT)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--every", type=int, default=1, help="of each round take every so-manieth")
    parser.add_argument("--server", help="path of llama-server; left out without one")
    parser.add_argument("--slots", default="4,16")
    parser.add_argument("--sample", type=int, default=12)
    parser.add_argument("--without", default="", help="contenders to leave out, by semicolon")
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    model = resolve(given.model)
    rounds = _rounds(workload.load(given.workload), given.every)
    settings = recall_tuned(model.sha256) or {}
    kind = settings.get("weights", "file")
    tuned_file = weights_file(model.path, model.sha256, kind)
    with ExitStack() as stack:
        add = stack.enter_context(writing(given.results))
        engine = stack.enter_context(open_engine(model.path, sha256=model.sha256))
        calls = [request for part in rounds for request in part]
        answers = replay(engine, rounds)[1]
        # Every contender writes as many tokens as slearn's answers have.
        lengths = [max(1, engine.count_tokens(text)) for text in answers]
        order = sorted(range(len(calls)), key=lambda i: _text(calls[i]))
        work = [(calls[i], lengths[i]) for i in order]
        contenders: dict[str, Callable[[], float]] = {"slearn": lambda: replay(engine, rounds)[0]}
        llama = _llama(str(model.path))
        contenders["llama"] = lambda: one_by_one(llama, work)
        if settings:
            fast = stack.enter_context(
                open_engine(tuned_file, sha256=model.sha256, settings=EngineSettings(**settings))
            )
            contenders["slearn, tuned"] = lambda: replay(fast, rounds)[0]
            other = _llama(str(tuned_file))
            contenders["llama, tuned file"] = lambda: one_by_one(other, work)
        if given.server:
            for slots in map(int, given.slots.split(",")):
                contenders[f"server, {slots} slots"] = _server(given, str(model.path), slots, work)
        contenders["outlines"] = _outlines(llama, calls, given.sample)
        for name in filter(None, given.without.split(";")):
            contenders.pop(name, None)
        shape = {
            "model": model.name,
            "workload": given.workload.name,
            "every": given.every,
            "calls": len(calls),
            "tokens": sum(lengths),
            "runs": given.runs,
        }
        noted = {"began": _now(), "code": code(), **shape, "tuned": settings}
        seconds = take_turns(contenders, given.runs, lambda turn: add({**noted, **turn}))
    found = medians(seconds)
    for name, row in found.items():
        print(f"{name:<18} {row['seconds']:>8} s   {row['ratio']:>6} x slearn   n {row['n']}")
    print(json.dumps({**shape, **found}))


def take_turns(
    contenders: Mapping[str, Callable[[], float]], runs: int, add: Callable[[Line], None]
) -> dict[str, list[float]]:
    """Run A B C A B C …, since machines drift, and tell of each turn once it is over."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(1, runs + 1):
        for name, run in contenders.items():
            seconds[name].append(run())
            took = seconds[name][-1]
            add({"turn": turn, "contender": name, "seconds": round(took, 2), "ended": _now()})
            print(f"{turn} {name:<18} {took:8.1f} s", file=sys.stderr, flush=True)
    return seconds


def medians(seconds: Mapping[str, list[float]]) -> dict[str, dict[str, float]]:
    """Return each contender's median, that of its ratios to slearn, and of how many turns."""
    ours = seconds["slearn"]
    return {
        name: {
            "seconds": round(statistics.median(times), 1),
            "ratio": round(statistics.median(a / b for a, b in zip(times, ours, strict=True)), 2),
            "n": len(times),
        }
        for name, times in seconds.items()
    }


def replay(engine: Engine, rounds: list[list[GenerateRequest]]) -> tuple[float, list[str]]:
    """Return slearn's seconds and its answers."""
    texts: list[str] = []
    start = time.monotonic()
    for part in rounds:
        texts += [result.text for result in engine.generate(part)]
    return time.monotonic() - start, texts


def one_by_one(llama: Any, work: list[tuple[GenerateRequest, int]]) -> float:
    """Return the seconds of the high-level class; its cache is cold at the start."""
    llama.reset()
    start = time.monotonic()
    for request, length in work:
        llama.create_chat_completion(
            [{"role": m.role, "content": m.content} for m in request.messages],
            max_tokens=length,
            temperature=0.0,
        )
    return time.monotonic() - start


def _rounds(recorded: list[workload.Round], every: int) -> list[list[GenerateRequest]]:
    """Return the rounds of generation; of each every so-manieth call, and at least one."""
    return [list(part.generate[::every]) for part in recorded if part.generate]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _text(request: GenerateRequest) -> str:
    return "\0".join(f"{m.role}\0{m.content}" for m in request.messages)


def _llama(path: str) -> Any:
    from llama_cpp import Llama

    return Llama(
        path, n_ctx=4096, n_batch=512, n_threads=CORES, n_threads_batch=CORES, flash_attn=True,
        verbose=False,
    )  # fmt: skip


def _outlines(llama: Any, calls: list[GenerateRequest], every: int) -> Callable[[], float]:
    import outlines
    from outlines.inputs import Chat
    from outlines.types import CFG

    model = outlines.from_llamacpp(llama, chat_mode=True)
    sample = calls[:: max(1, every)]
    generators: dict[str, Any] = {}
    for request in sample:
        lark = request.grammar.lark
        if lark not in generators:
            kind = CFG(lark) if lark else None
            generators[lark] = outlines.Generator(model, kind, backend="llguidance")

    def run() -> float:
        start = time.monotonic()
        for request in sample:
            chat = Chat([{"role": m.role, "content": m.content} for m in request.messages])
            generators[request.grammar.lark](
                chat, max_tokens=request.max_tokens, temperature=request.sampling.temperature
            )
        return (time.monotonic() - start) * len(calls) / len(sample)

    return run


def _server(
    given: argparse.Namespace, model: str, slots: int, work: list[tuple[GenerateRequest, int]]
) -> Callable[[], float]:
    """A fresh server for each turn: loading it is not timed, its cold cache is."""
    command = [
        given.server, "-m", model, "--port", str(PORT), "-np", str(slots), "-cb",
        "-c", str(max(8192, 1024 * slots)), "-fa", "on", "-t", str(CORES), "-tb", str(CORES),
    ]  # fmt: skip

    def ask(item: tuple[GenerateRequest, int]) -> None:
        request, length = item
        body = {
            "messages": [{"role": m.role, "content": m.content} for m in request.messages],
            "max_tokens": length,
            "temperature": 0,
            "cache_prompt": True,
        }
        raw = urllib.request.Request(
            f"http://127.0.0.1:{PORT}/v1/chat/completions",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(raw, timeout=120) as answer:
            answer.read()

    def run() -> float:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            _wait_for_server(process)
            ask((work[0][0], 1))
            start = time.monotonic()
            with ThreadPoolExecutor(slots) as clients:
                list(clients.map(ask, work))
            return time.monotonic() - start
        finally:
            process.terminate()
            process.wait()

    return run


def _wait_for_server(process: subprocess.Popen[bytes]) -> None:
    for _ in range(240):
        if process.poll() is not None:
            raise SystemExit(f"llama-server ended with {process.returncode}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/health", timeout=1):
                return
        except OSError:
            time.sleep(0.25)
    raise SystemExit("llama-server did not start")


if __name__ == "__main__":
    main()
