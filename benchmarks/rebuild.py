"""Rebuilding, state only and with every read model, against Postgres sending the same rows."""

import shutil
import subprocess

from benchmarks.measure import Ratio, against
from clearing.database import connect
from clearing.log import LogWriter
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
        psql = shutil.which("psql")

        def send() -> None:
            if psql is not None:
                command = [psql, url, "-qAt", "-o", "/dev/null", "-c", _QUERY]
                # The program is the one on PATH, the query our own constant.
                subprocess.run(command, check=True)  # noqa: S603
                return
            with connection.cursor() as cursor, cursor.copy(_QUERY) as copy:
                for _ in copy:
                    pass

        def state() -> None:
            digests.add(fold_log(connection).digest())

        def models() -> None:
            digests.add(rebuild(connection).digest)

        name = "psql binary COPY to /dev/null" if psql else "psycopg binary COPY, drained"
        ratios = [
            against(
                label,
                work,
                name,
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
