"""Resume is replay: killed at any moment, a run ends as one that was not."""

from __future__ import annotations

import random
import shutil
import signal
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from slearn.store import RECORD_TABLES, RememberingEngine, Store

prompts = st.lists(st.sampled_from("abcdef"), min_size=1, max_size=4)
operations = st.one_of(
    st.tuples(st.just("round"), st.sampled_from(["generate", "score"]), prompts),
    st.tuples(st.just("record"), st.sampled_from(RECORD_TABLES[:3]), st.sampled_from("xyz")),
    st.tuples(st.just("agent"), st.sampled_from("pq")),
    st.tuples(st.just("fail")),
)


@pytest.fixture(scope="module")
def begun(blank, program, tmp_path_factory):
    """A store with an earlier run in it."""
    path = shutil.copy(blank, tmp_path_factory.mktemp("begun") / "s.duckdb")
    with Store.open(path) as store:
        wrapped = RememberingEngine(program.FakeEngine(), store.begin({}))
        program.ask(wrapped, "score", ["a", "b"])
    return path


def finish(path, ops, program, engine):
    """Resume the last run and return the state of it, and what the inner engine was asked."""
    with Store.open(path) as store:
        log = store.resume("last")
        wrapped = engine(log)
        program.play(log, wrapped, ops)
        return program.state(store, "last"), wrapped.fake.asked


@settings(
    max_examples=8,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(operations, min_size=1, max_size=10), st.data())
def test_a_kill_after_any_operation(begun, tmp_path, image, program, engine, ops, data):
    path = tmp_path / "s.duckdb"
    shutil.copy(begun, path)
    images = []
    with Store.open(path) as store:
        log = store.begin({"seed": 1})
        program.play(log, engine(log), ops, lambda _: images.append(image(path)))
        expected = program.state(store, "r2")
    killed = data.draw(st.sampled_from(images), "killed")
    wal = killed.with_name(killed.name + ".wal")
    if wal.exists() and data.draw(st.booleans(), "log cut"):
        size = len(wal.read_bytes())
        wal.write_bytes(wal.read_bytes()[: data.draw(st.integers(0, size), "length")])
    state, _ = finish(killed, ops, program, engine)
    assert state == expected
    state, asked = finish(killed, ops, program, engine)
    assert state == expected
    assert asked == []


def test_a_byte_flipped_anywhere_in_the_log(path, image, program, engine):
    ops = program.some_ops(5, 6)
    with Store.open(path) as store:
        log = store.begin({"seed": 5})
        images = []
        result = program.play(log, engine(log), ops, lambda _: images.append(image(path)))
        assert result
        expected = program.state(store, "last")
    draw = random.Random(0)
    for killed in draw.sample(images[2:], 4):
        wal = killed.with_name(killed.name + ".wal")
        content = bytearray(wal.read_bytes())
        content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
        wal.write_bytes(content)
        assert finish(killed, ops, program, engine)[0] == expected


def test_killed_again_and_again_in_the_middle_of_writing(tmp_path, blank, program, engine, python):
    seed, size = 11, 30
    ops = program.some_ops(seed, size)
    paths = [shutil.copy(blank, tmp_path / name) for name in ("whole", "killed")]
    with Store.open(paths[0]) as store:
        log = store.begin({"seed": seed})
        program.play(log, engine(log), ops)
        expected = program.state(store, "r1")
    draw, killed = random.Random(1), 0
    for kill in range(5):
        process = python(program.__file__, str(paths[1]), str(seed), str(size))
        target = len(ops) * (kill + draw.random()) / 5.5
        for line in process.stdout:
            if int(line) >= target:
                break
        else:
            pytest.fail(process.stderr.read())
        time.sleep(draw.random() * 0.02)
        process.kill()
        process.communicate()
        killed += process.returncode == -signal.SIGKILL
    assert killed >= 4
    state, asked = finish(paths[1], ops, program, engine)
    assert state == expected
    assert len(asked) < size
