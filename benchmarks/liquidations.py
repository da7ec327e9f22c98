"""Explaining liquidations of a long log, against folding the log to them.

An explanation begins at the nearest snapshot. Every one that is timed is held against what the read
models say of its steps.
"""

import time
from random import Random

from psycopg import sql

from benchmarks.measure import Ratio, compared, percentiles, seconds
from clearing import audit
from clearing.audit import LiquidationExplained, Moment
from clearing.log import Connection, load_registry
from clearing.projectors import Generation, fold_log, schema_of

_FOLDED = 100_000


def run(connection: Connection, live: Generation, *, samples: int, repeats: int) -> list[Ratio]:
    """Measure explanations of ``samples`` random liquidations in each of ``repeats`` rounds.

    The baseline is the fold of the first events of the log, :data:`_FOLDED` or as many as there
    are: folding to a liquidation takes as many times that as it is farther.
    """
    dice = Random(live.position)  # noqa: S311 - a benchmark's dice
    steps = _steps(connection, live)
    taken: list[float] = []
    rates, others = list[float](), list[float]()
    folded = min(_FOLDED, live.position)
    for _ in range(repeats):
        chosen = [dice.choice(steps) for _ in range(samples)]
        times = []
        for account, position in chosen:
            began = time.perf_counter()
            found = audit.explain_liquidation(connection, account, Moment(live, position))
            times.append(time.perf_counter() - began)
            _verify(connection, live, found, position)
        taken += times
        rates.append(samples / sum(times))
        others.append(1 / seconds(lambda: fold_log(connection, upto=folded)))
    note = f"{percentiles(taken)}; {len(steps):,} liquidations of {live.position:,} events"
    return [
        compared(
            "explaining a liquidation",
            rates,
            f"folding {folded:,} events from genesis",
            others,
            unit="answers",
            floor=None,
            at_most=True,
            note=note,
        )
    ]


def _steps(connection: Connection, live: Generation) -> list[tuple[str, int]]:
    """Return who was liquidated at which position, by name."""
    registry = load_registry(connection, live.position)
    query = sql.SQL("SELECT DISTINCT account, position FROM {} ORDER BY position, account").format(
        sql.Identifier(schema_of(live.number), "liquidation")
    )
    rows = connection.execute(query).fetchall()
    return [(registry.account(account).name, int(position)) for account, position in rows]


def _verify(
    connection: Connection, live: Generation, found: LiquidationExplained, position: int
) -> None:
    query = sql.SQL(
        "SELECT equity::text, threshold::text FROM {} WHERE position = %s ORDER BY line"
    ).format(sql.Identifier(schema_of(live.number), "liquidation"))
    told = set(connection.execute(query, (position,)).fetchall())
    steps = {(str(step.equity), str(step.threshold)) for step in found.steps}
    if found.log_position != position or not steps or not steps <= told:
        raise RuntimeError(f"{found.account} at {position}: {steps} is not among {told}")
