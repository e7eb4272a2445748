"""Opening: who may, what is refused in one line, and what is mended."""

from __future__ import annotations

import hashlib
import os
import stat
import struct
import subprocess
import sys

import duckdb
import pytest

from slearn.errors import StoreError
from slearn.store import RECORD_TABLES, Store
from slearn.store.encoding import encode
from slearn.store.migrations import MIGRATIONS, migrate
from slearn.store.opening import connect
from slearn.store.tables import transaction


def refusal(path, **options):
    with pytest.raises(StoreError) as caught:
        Store.open(path, **options)
    text = str(caught.value)
    assert "\n" not in text and str(path) in text
    return text


def test_import_loads_no_database(python):
    process = python("-c", "import slearn.store, sys; print('duckdb' in sys.modules)")
    assert process.communicate()[0] == "False\n"


def test_a_new_store_stands_in_private_folders(tmp_path):
    path = tmp_path / "a" / "b" / "it's.duckdb"
    Store.open(path).close()
    for folder in (path.parent, path.parent.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [file.name for file in path.parent.iterdir()] == ["it's.duckdb"]


def test_the_format_is_that_of_duckdb_1_5(path):
    with Store.open(path) as store:
        store.begin({})
    magic, version = struct.unpack("<8x4sQ", path.read_bytes()[:20])
    assert magic == b"DUCK" and version <= 68


def test_an_empty_file_is_a_new_store(tmp_path):
    (tmp_path / "s").touch()
    with Store.open(tmp_path / "s") as store:
        assert store.runs() == []


def test_a_missing_store_is_not_made_for_reading(tmp_path):
    text = refusal(tmp_path / "a" / "s.duckdb", create=False)
    assert "no store here (" in text and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"x", b"text\n" * 5000, b"SQLite format 3\0" + bytes(5000)])
def test_a_file_that_is_no_database(tmp_path, content):
    path = tmp_path / "s.duckdb"
    path.write_bytes(content)
    assert "not a slearn store" in refusal(path)
    assert path.read_bytes() == content and list(tmp_path.iterdir()) == [path]


def test_a_folder_and_a_file_in_the_way(tmp_path):
    assert "is a folder" in refusal(tmp_path)
    (tmp_path / "file").write_text("x")
    assert "cannot be opened: Not a directory" in refusal(tmp_path / "file" / "s.duckdb")


def test_a_link_stays_one_and_leads_to_one_lock(tmp_path):
    link, real = tmp_path / "link.duckdb", tmp_path / "real.duckdb"
    link.symlink_to(real)
    with Store.open(link), pytest.raises(StoreError, match="already open|in use"):
        Store.open(real)
    assert link.is_symlink() and real.stat().st_size > 0
    Store.open(link, create=False).close()


def test_what_is_no_file_is_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(StoreError, match="is no file"):
        Store.open(tmp_path / "pipe")
    assert (tmp_path / "pipe").is_fifo()
    (tmp_path / "circle").symlink_to("circle")
    for place in (tmp_path / "circle", tmp_path / ("long" * 99)):
        with pytest.raises(StoreError):
            Store.open(place, create=False)


def test_a_store_that_was_cut_short_is_called_damaged(path):
    Store.open(path).close()
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(StoreError, match="the file is damaged"):
        Store.open(path)


def test_somebody_elses_database(tmp_path):
    path = tmp_path / "s.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE theirs(x INTEGER)")
    assert "with other tables" in refusal(path)


def test_a_damaged_file(path):
    content = bytearray(path.read_bytes())
    for at in range(4096, len(content), 64):
        content[at] ^= 1
    path.write_bytes(content)
    assert "the file is damaged" in refusal(path)


def test_a_newer_schema(path):
    connection = connect(path, print)
    connection.execute("INSERT INTO migrations VALUES (99, NULL)")
    connection.close()
    assert "has schema 99, this slearn knows up to" in refusal(path)


def test_migrations_from_blank_and_from_schema_1(tmp_path):
    with duckdb.connect(str(tmp_path / "s.duckdb")) as connection:
        assert migrate(connection, "s", MIGRATIONS[:1]) == 1
        connection.execute("INSERT INTO agents VALUES ('d', 'b')")
        more = (*MIGRATIONS, "ALTER TABLE agents ADD COLUMN size BIGINT")
        for _ in range(2):  # the second time there is nothing to do
            assert migrate(connection, "s", more) == len(more)
        assert connection.execute("SELECT * FROM agents").fetchall() == [("d", "b", None)]
        numbers = connection.execute("SELECT number FROM migrations ORDER BY 1").fetchall()
        assert numbers == [(number,) for number in range(1, len(more) + 1)]


def test_a_released_step_stays_as_it_was():
    released = ["b82945e5bda0a52af7fd64b957ed18966c4a37e9739b11b5785d655b15c77af7"]
    found = [hashlib.sha256(step.encode()).hexdigest() for step in MIGRATIONS]
    assert found[: len(released)] == released


ODD = '{"measured": true, "n": 7}'
PARTS = ({"node": ODD, "nats": 0.5, "n": 12}, {"node": "\ud800", "nats": -0.5, "n": 9})
# What a run stopped in its second step had recorded under schema 1.
OLD = (
    ("losses", 0, 0, "0/e1", {"score": 0.0}),
    ("gradients", 1, 0, "0/e1/answer", {"example": "e1", "weight_change": ODD}),
    ("gradients", 2, 1, "1/answer/demo 1", {"measured": True, **PARTS[0]}),
    ("gradients", 3, 1, "1/answer/demo 2", {"measured": True, **PARTS[1]}),
    ("candidates", 4, 1, "1", {"status": "accepted"}),
)


@pytest.fixture
def old(tmp_path):
    """A store of schema 1 with one run."""
    path = tmp_path / "old.duckdb"
    with duckdb.connect(str(path)) as connection:
        migrate(connection, "old", MIGRATIONS[:1])
        connection.execute("INSERT INTO runs VALUES ('r1', 1, now()::TIMESTAMP, 0, '{}')")
        connection.execute("INSERT INTO events VALUES ('r1', 1, now()::TIMESTAMP, 'begun', 'null')")
        for table, n, step, id, body in OLD:
            row = ["r1", n, step, id, encode(body)]
            connection.execute(f"INSERT INTO {table} VALUES (?, ?, ?, ?, ?)", row)
    return path


@pytest.mark.parametrize("create", [True, False])
def test_a_store_of_schema_1_is_upgraded_and_keeps_its_records(old, create):
    for _ in range(2):  # the second time there is nothing to do
        with Store.open(old, create=create) as store:
            assert [(info.name, info.status) for info in store.runs()] == [("r1", "stopped")]
            kept = {table: store.records("r1", table) for table in RECORD_TABLES}
        place = {"n": 1, "step": 0, "id": "0/e1/answer"}
        assert kept["gradients"] == [{"example": "e1", "weight_change": ODD, **place}]
        assert kept["attributions"] == [
            {**PARTS[0], "rows": 12, "n": 2, "step": 1, "id": "1/answer/demo 1"},
            {**PARTS[1], "rows": 9, "n": 3, "step": 1, "id": "1/answer/demo 2"},
        ]
        assert kept["losses"] == [{"score": 0.0, "n": 0, "step": 0, "id": "0/e1"}]
        assert sum(map(len, kept.values())) == len(OLD)
    with duckdb.connect(str(old), read_only=True) as connection:
        numbers = connection.execute("SELECT number FROM migrations ORDER BY 1").fetchall()
    assert numbers == [(number,) for number in range(1, len(MIGRATIONS) + 1)]


def test_a_run_of_schema_1_goes_on_under_the_new_one(old):
    with Store.open(old) as store:
        log = store.resume("r1")
        for table, n, step, id, body in OLD:
            now_in = "attributions" if body.get("measured") else table
            assert log.record(now_in, id, body, step=step) == n
        assert log.record("attributions", "2/answer/demo 1", {"nats": 0.1}, step=2) == len(OLD)
        log.finish("finished")
        assert [record["n"] for record in store.records("r1", "attributions")] == [2, 3, 5]


def test_an_upgrade_killed_before_its_checkpoint_holds(old, image):
    with duckdb.connect(":memory:") as connection:
        connection.execute(f"ATTACH '{old}' AS slearn")
        connection.execute("USE slearn")
        with transaction(connection):
            connection.execute(MIGRATIONS[1])
            connection.execute("INSERT INTO migrations VALUES (2, NULL)")
        killed = image(old)
    assert killed.with_name(killed.name + ".wal").exists()
    with Store.open(killed) as store:
        assert [len(store.records("r1", t)) for t in ("gradients", "attributions")] == [1, 2]


def test_a_migration_that_fails_leaves_the_version_before(path):
    connection = connect(path, print)
    broken = (*MIGRATIONS, "CREATE TABLE half(x INTEGER); SELECT * FROM nowhere")
    with pytest.raises(duckdb.Error):
        migrate(connection, "s", broken)
    assert migrate(connection, "s") == len(MIGRATIONS)
    names = connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
    assert ("half",) not in names
    connection.close()


HOLD = (
    "import sys; from slearn.store import Store; s = Store.open(sys.argv[1]); print(1, flush=True)"
)
HOLD_RAW = "import sys, duckdb; c = duckdb.connect(sys.argv[1]); print(1, flush=True)"


@pytest.mark.parametrize("code", [HOLD, HOLD_RAW])
def test_another_process_holds_it(path, python, code):
    process = python("-c", f"{code}; sys.stdin.read()", str(path))
    assert process.stdout.readline() == "1\n"
    for create in (True, False):
        text = refusal(path, create=create)
        assert f"in use by another process (PID {process.pid}) (wait until it ends, or" in text
    process.kill()
    process.communicate()
    Store.open(path).close()


def test_held_in_this_process_even_after_its_file_was_read(path, python):
    with Store.open(path):
        assert "already open in this process" in refusal(path)
        path.read_bytes()  # drops the lock of DuckDB itself
        process = python("-c", HOLD, str(path))
        assert "in use by another process" in process.communicate()[1]
    Store.open(path).close()


@pytest.fixture
def logged(path, image, engine, program):
    """A store that was killed with three rounds in its log, and how it was before them."""
    with Store.open(path) as store:
        log = store.begin({})
        for prompts in ("a", "b", "c"):
            program.ask(engine(log), "score", prompts)
        return image(path)


def test_a_damaged_log_is_moved_aside_and_kept(logged):
    log = logged.with_name(logged.name + ".wal")
    content = bytearray(log.read_bytes())
    content[len(content) // 2] ^= 4
    for number in (1, 2):
        log.write_bytes(content)
        notices = []
        with Store.open(logged, notice=notices.append) as store:
            assert [info.name for info in store.runs()] == ["r1"]
            assert list(store.calls("r1")) == []
        (notice,) = notices
        aside = logged.with_name(f"{log.name}.damaged-{number}")
        assert aside.read_bytes() == content
        assert aside.name in notice and "computed again" in notice and "\n" not in notice


def test_a_log_without_its_store(logged):
    logged.unlink()
    notices = []
    with Store.open(logged, notice=notices.append) as store:
        assert store.runs() == []
    assert len(notices) == 1


def test_a_truncated_log_opens_at_an_earlier_round(logged):
    log = logged.with_name(logged.name + ".wal")
    log.write_bytes(log.read_bytes()[:-10])
    with Store.open(logged) as store:
        assert len(list(store.calls("r1"))) == 2


FULL = """
import resource, signal, sys
from slearn.store import *
with Store.open(sys.argv[1]) as store:
    log = store.begin({})
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    size = 1_500_000
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    for n in range(1000):
        text = "".join(chr(33 + (i * i * n + i) % 91) for i in range(5000))
        log.add_rounds(NewRound("score", (str(n),), made=(NewCall(str(n), {"q": text}, {}),)))
        print(n, flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs resource limits")
def test_a_full_disk_keeps_every_finished_round(path, python):
    process: subprocess.Popen[str] = python("-c", FULL, str(path))
    out, err = process.communicate()
    last = err.strip().splitlines()[-1]
    assert last.startswith(f"slearn.errors.StoreError: {path}: the disk is full; every round")
    with Store.open(path) as store:
        rounds = sum(1 for _ in store.calls("r1"))
        assert rounds >= len(out.split()) > 10
        assert store.run("r1").status == "stopped"
