"""Rebuilding, state only and with every read model, against Postgres sending the same rows."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from benchmarks.measure import Ratio, against
from clearing.database import connect
from clearing.log import Connection, LogWriter
from clearing.log.wire import COLUMNS
from clearing.projectors import fold_log, project, rebuild
from clearing.samples import incident_day

_QUERY = f"COPY (SELECT {COLUMNS} FROM clearing.log ORDER BY position) TO STDOUT (FORMAT BINARY)"  # noqa: S608 - constant columns


def run(url: str, *, trades_per_minute: int, repeats: int) -> list[Ratio]:
    """Measure on an empty, migrated database at ``url``, filled with an incident day."""
    with connect(url, autocommit=True) as connection:
        writer = LogWriter(connection)
        count = 0
        for receipt in writer.append_many(incident_day(trades_per_minute=trades_per_minute)):
            count += receipt.new
        connection.execute("VACUUM ANALYZE clearing.log")
        digests = {project(connection).engine.digest()}
        baseline, send = _baseline(url, connection)

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
            )
            for label, work, floor in (
                ("rebuild, state only", state, 0.03),
                ("rebuild, every read model, compared and switched", models, 0.01),
            )
        ]
    if len(digests) != 1:
        raise RuntimeError(f"rebuilds came to different digests: {sorted(digests)}")
    return ratios


def _baseline(url: str, connection: Connection) -> tuple[str, Callable[[], object]]:
    """Return the name of what sends the log and drops it, and the thing itself.

    With psql, it has to send the very bytes that our own connection gets.
    """

    def drain() -> None:
        with connection.cursor() as cursor, cursor.copy(_QUERY) as copy:
            for _ in copy:
                pass

    psql = shutil.which("psql")
    if psql is None:
        return "psycopg binary COPY, drained,", drain
    # The password goes by the environment: other users may read a command line.
    given = conninfo_to_dict(url)
    environment = {**os.environ, "PGPASSWORD": str(given.pop("password", None) or "")}
    command = [psql, "--no-psqlrc", "--quiet", "-c", _QUERY, make_conninfo("", **given)]

    def send() -> None:
        subprocess.run(  # noqa: S603 - the psql on PATH and our own constant query
            command, check=True, env=environment, stdout=subprocess.DEVNULL
        )

    sent = subprocess.run(command, check=True, env=environment, stdout=subprocess.PIPE)  # noqa: S603
    with connection.cursor() as cursor, cursor.copy(_QUERY) as copy:
        ours = hashlib.sha256(b"".join(copy))
    if hashlib.sha256(sent.stdout).digest() != ours.digest():
        raise RuntimeError("psql does not send the log's rows")
    return "psql binary COPY to /dev/null", send
