"""The store's schema, as a list of numbered steps that only ever grows.

Each step runs in one transaction with the row that records it, and a checkpoint follows, so that
the log never holds DDL. Tables are append-only (a step may move rows) and have neither keys nor
indexes: reported faults of the database's log cluster there. JSON stands in VARCHAR, because the
JSON type refuses lone surrogates; `body->>'name'` works on it all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from slearn.errors import StoreError
from slearn.store.tables import now, scalar, transaction

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection as Connection

_RECORD = "(run VARCHAR, n BIGINT, step INTEGER, id VARCHAR, body VARCHAR)"

# The record tables of step 1, by name: tables.RECORD_TABLES goes on growing, a step may not.
_FIRST_RECORDS = (
    "examples",
    "trajectories",
    "steps",
    "losses",
    "gradients",
    "edits",
    "candidates",
    "evaluations",
)

# Schema 1 kept attributions among the gradients, under a mark that stands first in the body, and
# their count of rows, last in it, under the name of the ordinal. They keep their ordinals, so that
# a run that was stopped before goes on after. No text inside of a JSON string can look like the
# mark or the count: its quotes would be escaped.
_MARK = '{"measured": true, '
_ATTRIBUTION = rf"""regexp_replace(
            replace(body, '{_MARK}', '{{'), '"n": ([0-9]+)[}}]$', '"rows": \1}}')"""

# Step i (from 1) is MIGRATIONS[i - 1]. Never change a step that was released: add one.
MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE runs(
        run VARCHAR, seq BIGINT, created TIMESTAMP, watermark BIGINT, config VARCHAR);
    CREATE TABLE events(run VARCHAR, n BIGINT, stamp TIMESTAMP, event VARCHAR, body VARCHAR);
    CREATE TABLE rounds(
        run VARCHAR, round BIGINT, kind VARCHAR, computed BIGINT, usage VARCHAR, seconds DOUBLE,
        failure VARCHAR);
    CREATE TABLE calls(
        call BIGINT, key VARCHAR, run VARCHAR, round BIGINT, kind VARCHAR, request VARCHAR,
        result VARCHAR);
    CREATE TABLE round_calls(
        run VARCHAR, round BIGINT, position INTEGER, call BIGINT, cached BOOLEAN);
    CREATE TABLE agents(digest VARCHAR, body VARCHAR);
    """
    + "".join(f"CREATE TABLE {table}{_RECORD};\n" for table in _FIRST_RECORDS),
    f"""
    CREATE TABLE attributions{_RECORD};
    INSERT INTO attributions
        SELECT run, n, step, id, {_ATTRIBUTION}
        FROM gradients WHERE starts_with(body, '{_MARK}');
    DELETE FROM gradients WHERE starts_with(body, '{_MARK}');
    """,
)


def migrate(connection: Connection, where: str, migrations: Sequence[str] = MIGRATIONS) -> int:
    """Bring the schema up to date and return its version.

    >>> migrate(connection, "slearn.duckdb")  # doctest: +SKIP
    2

    Raise StoreError when the file was made by a newer slearn, or by something else.
    """
    version = schema_version(connection, where)
    if version > len(migrations):
        raise StoreError(
            f"has schema {version}, this slearn knows up to {len(migrations)}",
            where=where,
            hint="upgrade slearn, or use another --store",
        )
    for number in range(version + 1, len(migrations) + 1):
        with transaction(connection):
            connection.execute(migrations[number - 1])
            connection.execute("INSERT INTO migrations VALUES (?, ?)", [number, now()])
        connection.execute("CHECKPOINT")
    return len(migrations)


def schema_version(connection: Connection, where: str) -> int:
    """Return the number of the last migration; a blank file gets the table that records them.

    >>> schema_version(connection, "slearn.duckdb")  # doctest: +SKIP
    2
    """
    import duckdb

    try:
        return scalar(connection, "SELECT coalesce(max(number), 0) FROM migrations")
    except duckdb.CatalogException:
        pass  # no such table
    if scalar(
        connection,
        "SELECT count(*) FROM duckdb_tables() WHERE database_name = current_database()",
    ):
        raise StoreError(
            "not a slearn store: a DuckDB file with other tables",
            where=where,
            hint="use another --store",
        )
    connection.execute("CREATE TABLE migrations(number INTEGER, applied TIMESTAMP)")
    return 0
