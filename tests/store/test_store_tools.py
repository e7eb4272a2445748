"""What the remembering engine promises of tools: a run calls each once, and asks no other run."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from slearn.engine import ToolRequest, ToolResult
from slearn.engine.scripted import ScriptedEngine
from slearn.errors import EngineError, InputError, StoreError
from slearn.store import Store, Totals
from slearn.tools import Toolbox, ToolEngine, tool_from_code
from slearn.values import Tool

COUNTED = Tool("counted", function="nowhere:counted")
ODD = "Ünï 😀 \u2028 'quoted' \x00 \\ {\"a\": 1}"


@pytest.fixture
def tools(program):
    """An engine whose tools answer with how often they were called."""

    class Tools(program.FakeEngine):
        def __init__(self) -> None:
            super().__init__()
            self.called: list[str] = []

        @property
        def runs_tools(self) -> bool:
            return True

        def run_tools(self, requests):  # type: ignore[no-untyped-def]
            results = []
            for request in requests:
                self.called.append(request.arguments)
                if "stop" in request.arguments:
                    raise EngineError("no tool", where="box")
                if "nowhere" in request.arguments:
                    raise InputError("cannot be started", where="server")
                ok = "wrong" not in request.arguments
                text = ODD if "odd" in request.arguments else f"call {len(self.called)}"
                results.append(ToolResult(text, ok))
            return results

    return Tools


def ask(engine, *arguments, tool=COUNTED):  # type: ignore[no-untyped-def]
    """One round of tools; `where` is no part of what is asked."""
    requests = [ToolRequest(tool, json.dumps({"of": each}), "node") for each in arguments]
    return engine.run_tools(requests)


def test_results_are_the_inner_engines(store, engine, tools):
    wrapped = engine(store.begin({}), tools())
    assert wrapped.runs_tools
    assert ask(wrapped, "a", "wrong") == [ToolResult("call 1"), ToolResult("call 2", ok=False)]
    assert ask(wrapped, "odd") == [ToolResult(ODD)]


def test_an_engine_without_tools_stays_one(store, engine):
    wrapped = engine(store.begin({}))
    assert not wrapped.runs_tools and wrapped.run_tools([]) == []
    with pytest.raises(InputError, match="node: this engine runs no tools"):
        ask(wrapped, "a")
    assert list(store.calls("r1")) == []


def test_a_resumed_run_takes_results_without_calling_again(store, engine, tools):
    rounds = [["a", "b"], ["wrong"], ["a"], ["odd"]]
    log = store.begin({})
    first = engine(log, tools())
    results = [ask(first, *each) for each in rounds]
    assert len(first.fake.called) == 5
    log.close()
    resumed = engine(store.resume("r1"), tools())
    assert [ask(resumed, *each) for each in rounds] == results
    assert resumed.fake.called == [] and resumed.totals == first.totals
    assert ask(resumed, "c") == [ToolResult("call 1")]


def test_the_next_round_calls_again_and_a_resume_tells_the_two_apart(store, engine, tools):
    log = store.begin({})
    wrapped = engine(log, tools())
    assert [ask(wrapped, "a")[0].text for _ in range(3)] == ["call 1", "call 2", "call 3"]
    log.close()
    resumed = engine(store.resume("r1"), tools())
    assert [ask(resumed, "a")[0].text for _ in range(3)] == ["call 1", "call 2", "call 3"]
    assert resumed.fake.called == []


def test_within_a_round_the_same_call_is_made_once(store, engine, tools):
    log = store.begin({})
    wrapped = engine(log, tools())
    found = ask(wrapped, "a", "b", "a")
    assert [one.text for one in found] == ["call 1", "call 2", "call 1"]
    assert [one.cached for one in found] == [False, False, True]
    log.close()
    assert ask(engine(store.resume("r1"), tools()), "a", "b", "a") == found


def test_another_run_never_takes_them(store, engine, tools, program):
    first = engine(store.begin({}), tools())
    ask(first, "a"), program.ask(first, "score", ["x"])
    second = engine(store.begin({}), tools())
    assert ask(second, "a") == [ToolResult("call 1")] and second.fake.called == ['{"of": "a"}']
    assert program.ask(second, "score", ["x"])[0].cached  # what a model says is the same again


def test_a_store_that_was_closed_keeps_them(path, engine, tools):
    with Store.open(path) as store:
        results = ask(engine(store.begin({}), tools()), "a", "odd")
    with Store.open(path) as store:
        resumed = engine(store.resume("last"), tools())
        assert ask(resumed, "a", "odd") == results and resumed.fake.called == []
        (call, _) = store.calls("r1")
        assert call.kind == "tools" and call.request["tool"]["function"] == "nowhere:counted"
        assert call.request["arguments"] == '{"of": "a"}'
        assert call.result == {"text": "call 1", "ok": True}


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        (COUNTED, ["b"]),
        (COUNTED, ["a", "b"]),
        (replace(COUNTED, description="Another."), ["a"]),
        (Tool("counted", code="def counted(of): ..."), ["a"]),
    ],
)
def test_another_call_than_recorded_is_refused(store, engine, tools, program, tool, arguments):
    log = store.begin({})
    ask(engine(log, tools()), "a")
    log.close()
    resumed = engine(store.resume("r1"), tools())
    with pytest.raises(StoreError, match="round 0 differs"):
        ask(resumed, *arguments, tool=tool)
    with pytest.raises(StoreError, match="round 0 differs"):
        program.ask(resumed, "generate", ["a"])
    assert resumed.fake.called == []


def test_calls_of_tools_cost_no_tokens_and_are_no_calls_of_the_model(store, engine, tools):
    wrapped = engine(store.begin({}), tools())
    ask(wrapped, "a", "b")
    assert wrapped.totals.seconds > 0
    assert replace(wrapped.totals, seconds=0.0) == Totals()


def test_rounds_of_models_and_tools_keep_their_order(store, engine, tools, program):
    def play(wrapped):  # type: ignore[no-untyped-def]
        first = program.ask(wrapped, "generate", ["x"])
        called = ask(wrapped, first[0].text, "a")
        return first, called, program.ask(wrapped, "generate", ["x", called[0].text])

    log = store.begin({})
    results = play(engine(log, tools()))
    log.finish("finished")
    resumed = engine(store.resume("r1"), tools())
    assert play(resumed) == results and resumed.fake.called == [] and resumed.fake.asked == []


def test_a_round_is_durable_when_it_is_told(store, engine, tools):
    def stop():  # type: ignore[no-untyped-def]
        raise KeyboardInterrupt

    log = store.begin({})
    with pytest.raises(KeyboardInterrupt):
        ask(engine(log, tools(), on_round=stop), "a")
    log.finish("interrupted")
    resumed = engine(store.resume("r1"), tools())
    assert ask(resumed, "a") == [ToolResult("call 1")] and resumed.fake.called == []


@pytest.mark.parametrize("fault", ["stop", "nowhere"])
def test_what_ended_the_run_is_tried_again(store, engine, tools, fault):
    log = store.begin({})
    wrapped = engine(log, tools())
    ask(wrapped, "a")
    with pytest.raises((EngineError, InputError)):
        ask(wrapped, fault)
    log.finish("failed")
    resumed = engine(store.resume("r1"), tools())
    ask(resumed, "a")
    with pytest.raises((EngineError, InputError)):
        ask(resumed, fault)
    assert len(resumed.fake.called) == 1


def test_a_kill_in_the_middle_of_a_call_repeats_only_that_call(path, image, engine, tools):
    with Store.open(path) as store:
        log = store.begin({})
        wrapped = engine(log, tools())
        ask(wrapped, "a")
        killed = image(path)
        ask(wrapped, "b")
    with Store.open(killed) as store:
        resumed = engine(store.resume("r1"), tools())
        assert [ask(resumed, each)[0].text for each in "ab"] == ["call 1", "call 1"]
        assert resumed.fake.called == ['{"of": "b"}']


def test_a_toolbox_behind_it_is_not_asked_again(store, engine):
    code = tool_from_code("def twice(of: str):\n    return of * 2 if of else 1 / 0\n")
    log = store.begin({})
    with ToolEngine(ScriptedEngine(), Toolbox()) as inner:
        results = ask(engine(log, inner), "ü", "", tool=code)
    assert results[0] == ToolResult("üü") and not results[1].ok
    log.close()
    closed = ToolEngine(ScriptedEngine(), Toolbox("no such sandbox"))
    assert ask(engine(store.resume("r1"), closed), "ü", "", tool=code) == results
