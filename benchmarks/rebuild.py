"""Rebuilding, state only and with every read model, against Postgres sending the same rows."""

import hashlib
import os
import shutil
import statistics
import subprocess
from collections.abc import Callable

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from benchmarks.measure import Ratio, against, seconds
from clearing.database import connect
from clearing.log import Connection, LogWriter
from clearing.log.wire import COLUMNS
from clearing.projectors import fold_log, project, rebuild
from clearing.samples import incident_day

_QUERY = f"COPY (SELECT {COLUMNS} FROM clearing.log ORDER BY position) TO STDOUT (FORMAT BINARY)"  # noqa: S608 - constant columns


def run(url: str, *, trades_per_minute: int, repeats: int, accounts: int = 300) -> list[Ratio]:
    """Measure on an empty, migrated database at ``url``, filled with an incident day."""
    with connect(url, autocommit=True) as connection:
        writer = LogWriter(connection)
        day = incident_day(accounts=accounts, trades_per_minute=trades_per_minute)
        count = 0
        for receipt in writer.append_many(day):
            count += receipt.new
        connection.execute("VACUUM ANALYZE clearing.log")
        digests = {project(connection).engine.digest()}
        baseline, send, note = _baseline(url, connection)

        def state() -> None:
            digests.add(fold_log(connection).digest())

        def models() -> None:
            rebuilt = rebuild(connection)
            if rebuilt.position != count:
                raise RuntimeError(f"rebuilt up to {rebuilt.position}, not {count}")
            digests.add(rebuilt.digest)

        ratios = [
            against(
                f"{label}, {count:,} events",
                work,
                f"{baseline} of the log",
                send,
                count=count,
                unit="events",
                floor=floor,
                repeats=repeats,
                note=note,
            )
            for label, work, floor in (
                ("rebuild, state only", state, 0.03),
                ("rebuild, every read model, compared and switched", models, 0.01),
            )
        ]
    if len(digests) != 1:
        raise RuntimeError(f"rebuilds came to different digests: {sorted(digests)}")
    return ratios


def _baseline(url: str, connection: Connection) -> tuple[str, Callable[[], object], str]:
    """Return the name of what sends the log and drops it, the thing itself, and a remark.

    With psql, it has to send the very bytes that our own connection gets.
    """

    def drain() -> None:
        with connection.cursor() as cursor, cursor.copy(_QUERY) as copy:
            for _ in copy:
                pass

    psql = shutil.which("psql")
    if psql is None:
        return "psycopg binary COPY, drained,", drain, ""
    # The password goes by the environment: other users may read a command line.
    given = conninfo_to_dict(url)
    password = given.pop("password", None)
    secret = {} if password is None else {"PGPASSWORD": str(password)}

    def psql_of(query: str, output: int) -> bytes:
        command = [psql, "--no-psqlrc", "--quiet", "-c", query, make_conninfo("", **given)]
        done = subprocess.run(  # noqa: S603 - the psql on PATH, our own constant queries
            command, check=True, env={**os.environ, **secret}, stdout=output
        )
        return done.stdout or b""

    def send() -> None:
        psql_of(_QUERY, subprocess.DEVNULL)

    sent = psql_of(_QUERY, subprocess.PIPE)
    with connection.cursor() as cursor, cursor.copy(_QUERY) as copy:
        ours = hashlib.sha256(b"".join(copy))
    if hashlib.sha256(sent).digest() != ours.digest():
        raise RuntimeError("psql does not send the log's rows")
    start = statistics.median(
        seconds(lambda: psql_of("SELECT 1", subprocess.DEVNULL)) for _ in range(3)
    )
    note = f"{start:.2f} s of each baseline run is psql starting and connecting"
    return "psql binary COPY to /dev/null", send, note
