"""The writer thread and the JSON text it stores."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slearn.errors import StoreError
from slearn.store.encoding import decode, encode
from slearn.store.faults import explain
from slearn.store.writer import Writer


class Connection:
    closed = False

    def close(self):
        self.closed = True


@pytest.fixture
def writer():
    return Writer(Connection, "s.duckdb")


def test_jobs_run_in_order_on_one_other_thread(writer):
    seen = []
    for number in range(100):
        writer.post(lambda _, number=number: seen.append(number))
    name = writer.call(lambda connection: (threading.current_thread().name, connection.closed))
    assert seen == list(range(100)) and name == ("slearn-store", False)
    writer.close()


def test_many_threads_may_call(writer):
    results = []
    threads = [
        threading.Thread(target=lambda n=n: results.append(writer.call(lambda _: n)))
        for n in range(50)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == list(range(50))
    writer.close()


def fail(_):
    raise OSError("No space left on device\nand more")


def test_a_posted_failure_surfaces_at_every_later_call(writer):
    writer.post(fail)
    done = []
    for _ in range(2):
        with pytest.raises(StoreError, match=r"^s.duckdb: the disk is full; every round.*kept"):
            writer.call(done.append)
    assert done == []
    writer.close()  # somebody was told


def test_a_posted_failure_that_nobody_heard_of_surfaces_at_close(writer):
    writer.post(fail)
    with pytest.raises(StoreError, match="the disk is full"):
        writer.close()
    writer.close()


def test_a_refusal_spoils_nothing_and_a_fault_does(writer):
    def refuse(_):
        raise StoreError("no")

    with pytest.raises(StoreError, match="^no$"):
        writer.call(refuse)
    assert writer.call(lambda _: 1) == 1
    with pytest.raises(StoreError, match="the disk is full"):
        writer.call(fail)
    with pytest.raises(StoreError, match="the disk is full"):
        writer.call(lambda _: 1)
    writer.close()


def test_what_cannot_be_opened():
    with pytest.raises(StoreError, match="the disk is full"):
        Writer(lambda: fail(None), "s.duckdb")


@pytest.mark.parametrize(
    "error", [RuntimeError(), MemoryError("x\ny"), ValueError("corrupt WAL\n")]
)
def test_every_fault_is_one_line(error):
    text = str(explain(error, "s.duckdb"))
    assert text.startswith("s.duckdb: the ") and "\n" not in text


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@settings(database=None, derandomize=True)
@given(values)
def test_json_keeps_every_bit(value):
    text = encode({"value": value})
    assert repr(restored(decode(text)["value"], value)) == repr(value)
    text.encode()


def restored(read, written):
    """Turn the strings that stand for infinities into floats again where floats were."""
    if isinstance(written, float):
        return float(read)
    if isinstance(written, list):
        return [restored(a, b) for a, b in zip(read, written, strict=True)]
    if isinstance(written, dict):
        return {key: restored(read[key], item) for key, item in written.items()}
    return read
