"""What the remembering engine promises."""

from __future__ import annotations

import pytest

from slearn.errors import ContextError, EngineError, StoreError
from slearn.store import Totals
from slearn.values import Usage


def test_same_results_as_the_inner_engine(store, engine, program):
    wrapped = engine(store.begin({}))
    for kind in ("generate", "score"):
        expected = program.ask(program.FakeEngine(), kind, ["x", "y"])
        assert program.ask(wrapped, kind, ["x", "y"]) == expected


def test_what_is_scored_behind_a_text_is_the_inner_engines_too(store, engine, program):
    prompts = [str(n) for n in range(30)]
    expected = program.ask(program.FakeEngine(), "both", prompts)
    assert 30 < len(expected) < 60  # behind some nothing is scored
    wrapped = engine(store.begin({}))
    assert program.ask(wrapped, "both", prompts) == expected
    again = program.ask(wrapped, "both", prompts)
    assert all(result.cached for result in again) and len(wrapped.fake.asked) == 2
    # They are calls like all others: who asks for one of the two finds it.
    asked = program.requests("generate", prompts)
    found = wrapped.generate(asked)
    assert all(result.cached for result in found)
    wanted = [one for one in map(program.behind, found) if one]
    assert all(result.cached for result in wrapped.score(wanted))
    assert wrapped.generate_then_score([], []) == [] and len(wrapped.fake.asked) == 2


def test_behind_texts_that_were_known_is_read_anew(store, engine, program):
    prompts = [str(n) for n in range(9)]
    wrapped = engine(store.begin({}))
    texts = program.ask(wrapped, "generate", prompts[:5])
    scored = [one for one in map(program.behind, texts) if one]
    found = wrapped.generate_then_score(
        program.requests("generate", prompts), [program.behind] * len(prompts)
    )
    assert [text.cached for text, _ in found] == [True] * 5 + [False] * 4
    assert [made.text for made, _ in found[:5]] == [made.text for made in texts]
    asked = [score for _, score in found if score]
    assert len(asked) > len(scored) > 0 and not any(score.cached for score in asked)
    # New texts with what is behind them, then what is behind those that were known.
    assert [len(one) for one in wrapped.fake.asked] == [5, 4, len(asked) - len(scored), len(scored)]


def test_two_rounds_that_go_together_are_both_there_or_neither(store, engine, program):
    log = store.begin({})
    wrapped = engine(log)
    program.ask(wrapped, "both", ["w", "x", "y", "z"])
    kinds = {call.kind for call in store.calls("r1")}
    assert kinds == {"generate", "score"} and log.next_round == 2
    log.close()
    resumed = engine(store.resume("r1"))
    program.ask(resumed, "both", ["w", "x", "y", "z"])
    assert resumed.fake.asked == [] and resumed.totals == wrapped.totals


def test_a_text_that_is_paid_for_is_kept_where_what_is_behind_it_fails(store, engine, program):
    def too_long(made):
        return program.requests("score", ["long"])[0]

    log = store.begin({})
    wrapped = engine(log)
    program.ask(wrapped, "generate", ["x"])
    (asked,) = program.requests("generate", ["x"])
    with pytest.raises(ContextError):
        wrapped.generate_then_score([asked], [too_long])
    program.ask(wrapped, "score", ["y"])  # the run goes on
    log.close()
    resumed = engine(store.resume("r1"))
    program.ask(resumed, "generate", ["x"])
    with pytest.raises(ContextError):
        resumed.generate_then_score([asked], [too_long])
    program.ask(resumed, "score", ["y"])
    assert resumed.fake.asked == [] and resumed.totals == wrapped.totals


def test_fingerprint_and_count_tokens_are_the_inner_engines(store, engine):
    wrapped = engine(store.begin({}))
    assert wrapped.fingerprint == {"engine": "fake"}
    assert wrapped.count_tokens("four") == 4


def test_pays_once_within_a_round_and_across_rounds(store, engine, program):
    wrapped = engine(store.begin({}))
    first = program.ask(wrapped, "generate", ["x", "y", "x"])
    second = program.ask(wrapped, "generate", ["z", "y"])
    third = program.ask(wrapped, "generate", ["z"])
    assert wrapped.fake.asked == [["x", "y"], ["z"]]
    assert [result.cached for result in first + second + third] == [
        *(False, False, True),
        *(False, True),
        True,
    ]
    assert first[2].text == first[0].text and first[2].usage == Usage()
    assert second[1].text == first[1].text


def test_kind_engine_and_sampling_are_part_of_the_key(store, engine, program):
    log = store.begin({})
    wrapped, other = engine(log), engine(log, program.FakeEngine("other"))
    for one, kind in ((wrapped, "generate"), (wrapped, "score"), (other, "generate")):
        assert not program.ask(one, kind, ["x"])[0].cached


def test_an_empty_round_is_none(store, engine):
    wrapped = engine(store.begin({}))
    assert wrapped.generate([]) == [] and wrapped.score([]) == []
    assert wrapped.fake.asked == [] and list(store.calls("last")) == []


def test_calls_of_older_runs_are_seen_and_those_of_later_ones_are_not(store, engine, program):
    old, new = store.begin({}), store.begin({})
    program.ask(engine(old), "score", ["x"])
    wrapped = engine(new)
    program.ask(wrapped, "score", ["x"])  # the run began before that call was stored
    assert wrapped.fake.asked == [["x"]]
    newest = engine(store.begin({}))
    assert program.ask(newest, "score", ["x"])[0].cached
    assert newest.fake.asked == []


def test_a_resume_sees_what_the_first_attempt_saw(store, engine, program):
    log = store.begin({})
    program.ask(engine(log), "score", ["x"])
    log.close()
    program.ask(engine(store.begin({})), "score", ["y"])
    resumed = engine(store.resume("r1"))
    program.ask(resumed, "score", ["x"])
    assert not program.ask(resumed, "score", ["y"])[0].cached
    assert resumed.fake.asked == [["y"]]


def test_a_replay_computes_nothing_and_counts_alike(store, engine, program):
    ops = program.some_ops(3, 8)
    log = store.begin({})
    first = engine(log)
    result = program.play(log, first, ops)
    again = store.resume("last")
    wrapped = engine(again)
    assert program.play(again, wrapped, ops) == result
    assert wrapped.fake.asked == []
    assert wrapped.totals == first.totals  # the seconds too: as they were spent


def test_totals(store, engine, program):
    wrapped = engine(store.begin({}))
    results = program.ask(wrapped, "generate", [str(i) for i in range(40)] + ["0"])
    invalid = sum(not result.valid for result in results)
    assert invalid
    seconds = wrapped.totals.seconds
    assert wrapped.totals == Totals(41, invalid, 1, Usage(200, 40, 80), seconds) and seconds > 0


@pytest.mark.parametrize("prompts", [["x"], ["y", "x"], ["x", "y", "z"], ["x", "x"]])
def test_another_round_than_recorded_is_refused(store, engine, program, prompts):
    log = store.begin({})
    program.ask(engine(log), "generate", ["x", "y"])
    log.close()
    wrapped = engine(store.resume("r1"))
    with pytest.raises(StoreError, match=r"round 0 differs from what run r1 recorded.*new run"):
        program.ask(wrapped, "generate", prompts)
    with pytest.raises(StoreError, match="differs"):
        program.ask(wrapped, "score", ["x", "y"])
    assert wrapped.fake.asked == []


def test_raising_after_a_round_loses_nothing(store, engine, program):
    def stop():
        raise KeyboardInterrupt

    log = store.begin({})
    with pytest.raises(KeyboardInterrupt):
        program.ask(engine(log, on_round=stop), "score", ["x"])
    log.finish("interrupted")
    log = store.resume("r1")
    wrapped = engine(log)
    program.ask(wrapped, "score", ["x"])
    assert wrapped.fake.asked == []
    log.close()
    with pytest.raises(KeyboardInterrupt):  # a replayed round is durable too
        program.ask(engine(store.resume("r1"), on_round=stop), "score", ["x"])


def test_watch_counts_the_free_ones_as_done(store, engine, program):
    seen = []
    wrapped = engine(store.begin({}))
    watch = lambda *numbers: seen.append(numbers)  # noqa: E731
    wrapped.score(program.requests("score", ["x"]), watch)
    wrapped.score(program.requests("score", ["x", "y", "z"]), watch)
    assert seen == [(1, 1, 7), (3, 3, 7)]


def test_a_failure_that_was_survived_is_replayed(store, engine, program):
    log = store.begin({})
    wrapped = engine(log)
    with pytest.raises(ContextError) as first:
        program.ask(wrapped, "generate", ["x", "long"])
    program.ask(wrapped, "generate", ["y"])
    log.close()
    wrapped = engine(store.resume("last"))
    with pytest.raises(ContextError) as second:
        program.ask(wrapped, "generate", ["x", "long"])
    assert str(second.value) == str(first.value)
    program.ask(wrapped, "generate", ["y"])
    assert wrapped.fake.asked == []


def test_a_failure_that_ended_the_run_is_tried_again(store, engine, program):
    log = store.begin({})
    program.ask(engine(log), "generate", ["x"])
    log.close()
    log = store.resume("r1")
    wrapped = engine(log, program.FakeEngine())
    program.ask(wrapped, "generate", ["x"])
    wrapped.fake.flaky = True
    log.record("losses", "a", {})
    with pytest.raises(EngineError, match="endpoint: no answer"):
        program.ask(wrapped, "generate", ["y"])
    log.finish("failed")
    assert store.run("r1").status == "failed"
    log = store.resume("r1")
    wrapped = engine(log)
    program.ask(wrapped, "generate", ["x"])
    log.record("losses", "a", {})
    assert not program.ask(wrapped, "generate", ["y"])[0].cached
    log.finish("finished")
    assert [record["id"] for record in store.records("r1", "losses")] == ["a"]


def test_two_engines_share_a_run(store, engine, program):
    log = store.begin({})
    student, teacher = engine(log), engine(log, program.FakeEngine("teacher"))
    for one in (student, teacher, student):
        program.ask(one, "score", ["x"])
    log.close()
    log = store.resume("last")
    student, teacher = engine(log), engine(log, program.FakeEngine("teacher"))
    cached = [program.ask(one, "score", ["x"])[0].cached for one in (student, teacher, student)]
    assert cached == [False, False, True]
    assert student.fake.asked == teacher.fake.asked == []
