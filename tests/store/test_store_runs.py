"""Runs, records, events, agents: what is written is what is read."""

from __future__ import annotations

import math

import pytest

from slearn.errors import StoreError
from slearn.store import RECORD_TABLES, NewCall, NewRound, Store
from slearn.values import digest


def a_round(key="k", **result):
    return NewRound("score", (key,), made=(NewCall(key, {"q": 1}, result),))


def test_names_configs_and_statuses(store):
    assert store.runs() == []
    first, second, third, _ = (store.begin({"seed": i, "rate": 0.1}) for i in range(4))
    first.finish("finished", {"after": 0.1 + 0.2})
    second.finish("interrupted")
    third.close()
    infos = store.runs()
    assert [(info.name, info.status, info.result) for info in infos] == [
        ("r1", "finished", {"after": 0.1 + 0.2}),
        ("r2", "interrupted", None),
        ("r3", "stopped", None),
        ("r4", "running", None),
    ]
    assert infos[2].config == {"seed": 2, "rate": 0.1} == third.config
    assert infos[0].created.endswith("Z")
    assert store.run("last").name == "r4" and store.run("r2") == infos[1]


def test_a_resumed_run_is_running_until_it_ends_again(store):
    store.begin({"a": 1}).finish("failed", {"so": "far"})
    assert store.run("r1").status == "failed"
    log = store.resume("last")
    assert log.name == "r1" and log.config == {"a": 1}
    assert store.run("r1").status == "running" and store.run("r1").result is None
    with pytest.raises(StoreError, match="r1 is open already"):
        store.resume("r1")
    log.finish("finished", 3)
    assert store.run("r1").result == 3


def test_an_unknown_run_is_an_error_that_lists_the_last_few(store):
    with pytest.raises(StoreError, match="no runs yet"):
        store.resume("last")
    for _ in range(7):
        store.begin({}).close()
    for ask in (store.resume, store.run, lambda name: store.records(name, "steps")):
        with pytest.raises(StoreError, match=r"no run named r9 \(the last: r3, r4, r5, r6, r7\)"):
            ask("r9")


def test_records_come_back_in_order_with_one_count_over_all_tables(store):
    log = store.begin({})
    for number, table in enumerate(RECORD_TABLES * 2):
        assert log.record(table, f"id{number}", {"x": [number, None, "é"]}, step=number) == number
    assert store.records("r1", "steps") == []  # not yet written
    log.add_rounds(a_round())
    steps = store.records("last", "steps")
    assert [(row["n"], row["step"], row["id"]) for row in steps] == [
        (2, 2, "id2"),
        (11, 11, "id11"),
    ]
    assert steps[1]["x"] == [11, None, "é"]


def test_records_after_the_last_round_are_written_at_the_end(path):
    with Store.open(path) as store:
        store.begin({}).record("losses", "open", {})
        log = store.begin({})
        log.record("losses", "finished", {})
        log.finish("finished")
        assert len(store.records("r2", "losses")) == 1
    with Store.open(path) as store:
        assert len(store.records("r1", "losses")) == 1


@pytest.mark.parametrize(
    "other", [("losses", "b", 0), ("edits", "a", 0), ("losses", "a", 1)], ids=str
)
def test_a_resume_that_records_something_else_diverged(store, other):
    log = store.begin({})
    log.record("losses", "a", {"loss": 1})
    log.close()
    log = store.resume("r1")
    with pytest.raises(StoreError, match="r1: the run diverged: record 0 was .*new run"):
        log.record(other[0], other[1], {}, step=other[2])
    assert log.record("losses", "a", {}) == 0
    assert log.record("losses", "b", {}) == 1


def test_odd_values_survive(store):
    log = store.begin({"limit": math.inf})
    log.record("losses", "lone \ud800", {"loss": -math.inf, "t": "\ud800 \0 é", "p": 5e-324})
    log.finish("finished", {"tuple": (1, 2)})
    (row,) = store.records("r1", "losses")
    assert (float(row["loss"]), row["t"], row["p"]) == (-math.inf, "\ud800 \0 é", 5e-324)
    assert row["id"] == "lone \\ud800"
    assert store.run("r1").result == {"tuple": [1, 2]}
    assert float(log.config["limit"]) == math.inf


def test_agents_are_kept_once_under_their_address(store):
    log = store.begin({})
    address = log.keep_agent("slearn: 1\n")
    assert address == digest("slearn: 1\n") == log.keep_agent("slearn: 1\n")
    log.add_rounds(a_round())
    log.keep_agent("slearn: 1\n")
    log.keep_agent("other")
    log.finish("finished")
    assert store.agent(address) == store.agent(address[:6]) == "slearn: 1\n"
    assert store.agent("zz") is None
    with pytest.raises(StoreError, match="2 agents begin with ''"):
        store.agent("")
    with pytest.raises(StoreError, match="not valid UTF-8"):
        store.begin({}).keep_agent("\ud800")


def test_events_are_stamped_and_kept_in_order(store):
    log = store.begin({})
    log.event("epoch", {"n": 1})
    log.finish("finished", {"x": 1})
    events = store.events("r1")
    assert [event["event"] for event in events] == ["begun", "epoch", "finished"]
    assert events[1]["body"] == {"n": 1} and events[1]["at"].endswith("Z")


def test_calls_keep_request_and_result(store):
    log = store.begin({})
    log.add_rounds(a_round("a", p=0.1))
    found = log.find(["a", "b"])
    assert found == {"a": (1, {"p": 0.1})}
    made = (NewCall("b", {"q": 2}, {"p": 2}),)
    log.add_rounds(NewRound("generate", ("b", "a", "b"), found, made))
    calls = list(store.calls("r1"))
    assert [(c.round, c.position, c.key, c.cached) for c in calls] == [
        (0, 0, "a", False),
        (1, 0, "b", False),
        (1, 1, "a", True),
        (1, 2, "b", True),
    ]
    assert (calls[1].kind, calls[1].request, calls[1].result) == ("generate", {"q": 2}, {"p": 2})


def test_ten_thousand_calls(store):
    log = store.begin({})
    for first in range(0, 10_000, 500):
        keys = tuple(f"key{number}" for number in range(first, first + 500))
        made = tuple(NewCall(key, {"q": key * 50}, {"p": 0.1}) for key in keys)
        assert log.find(keys) == {}
        log.add_rounds(NewRound("score", keys, made=made))
    assert log.find(["key9999", "key0"]).keys() == {"key0", "key9999"}
    log.finish("finished")
    assert [call.key for call in store.calls("last")] == [f"key{n}" for n in range(10_000)]
    log = store.resume("last")
    for index in range(20):
        assert log.recorded_round().keys[0] == f"key{index * 500}"
        log.pass_round()
    assert log.recorded_round() is None


def test_an_ended_run_takes_nothing_more(store):
    log = store.begin({})
    log.finish("finished")
    log.close()
    writes = (
        lambda: log.record("losses", "a", {}),
        lambda: log.keep_agent("x"),
        lambda: log.add_rounds(a_round()),
        lambda: log.finish("finished"),
    )
    for write in writes:
        with pytest.raises(StoreError, match="r1 has ended"):
            write()


def test_misuse_is_named(store):
    log = store.begin({})
    for wrong in (
        lambda: log.record("loses", "a", {}),
        lambda: store.records("r1", "runs"),
        lambda: log.finish("done"),
    ):
        with pytest.raises(ValueError, match=r"no record table|a run ends as"):
            wrong()
    with pytest.raises(TypeError):
        log.record("losses", "a", {"x": object()})
    log.record("losses", "a", {})  # and nothing is spoilt
    log.finish("finished")


def test_a_closed_store_says_so(path):
    store = Store.open(path)
    store.close()
    store.close()
    with pytest.raises(StoreError, match="the store is closed"):
        store.runs()
