"""Deriving a rulebook's parameters from the log, and deriving an adopted one again."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any, Final

from psycopg import sql

from clearing.audit.moments import Moment
from clearing.audit.rulebooks import RulebookUnknown, document_of
from clearing.engine.payoffs import payoff_of
from clearing.events import Registry
from clearing.events.fields import from_microseconds
from clearing.events.registry import MarketSpec
from clearing.log import Connection, load_registry
from clearing.projectors import schema_of
from clearing.rulebook.comparing import differences
from clearing.rulebook.derivation import (
    DerivationDocument,
    DerivationRefused,
    Derived,
    Measure,
    derive,
    reduced,
)

_COLUMNS: Final = {
    "mark": "t.price",
    "open_interest": "t.size",
    "depth": "least(t.bids, t.asks)",
}
_SECOND: Final = 1_000_000


def derive_rulebook(
    connection: Connection, base_sha256: str, recipe: dict[str, Any], moment: Moment
) -> tuple[dict[str, Any], list[Derived]]:
    """Return the rulebook that a recipe makes of one of the log, measured at ``moment``.

    The same log, base, recipe and position give the same document, byte by byte. Raises
    :class:`~clearing.audit.RulebookUnknown` where the base is not in the log,
    :class:`~clearing.rulebook.derivation.DerivationRefused` where a market is not declared, a path
    leads nowhere or a sample was not known yet, and pydantic's error for an unsound recipe, of
    which :func:`~clearing.rulebook.derivation.check_recipe` gives the problems.
    """
    position = moment.of_log()
    derivation = {"base_sha256": base_sha256, "position": position, "recipe": recipe}
    parsed = DerivationDocument.model_validate(derivation)
    series = _Series(connection, moment)
    base = document_of(connection, base_sha256, position)
    measured = [
        _measure(series, parameter.measure, parameter.path)
        for parameter in parsed.recipe.parameters
    ]
    return derive(base, derivation, measured)


def rederive(connection: Connection, document: dict[str, Any], moment: Moment) -> list[str]:
    """Return where a derived document is not what its recipe gives; nothing where it is.

    ``moment`` may be any at which the position that it was measured at is projected; a document
    without a derivation has nothing to be held against.
    """
    derivation = document.get("derivation")
    if derivation is None:
        return []
    parsed = DerivationDocument.model_validate(derivation)
    if parsed.position > moment.position:
        return [f"derivation.position: {parsed.position} is beyond log position {moment.position}"]
    then = Moment(moment.generation, parsed.position)
    try:
        again, _ = derive_rulebook(connection, parsed.base_sha256, derivation["recipe"], then)
    except (DerivationRefused, RulebookUnknown) as refused:
        return [str(refused)]
    return [
        f"{path}: is {there}, derived is {here}"
        for path, there, here in differences(document, again)
    ]


class _Series:
    """Series of a generation as they were told up to a position."""

    def __init__(self, connection: Connection, moment: Moment) -> None:
        self.connection = connection
        self.position = moment.position
        self.registry: Registry = load_registry(connection, moment.position)
        self._schema = schema_of(moment.generation.number)
        row = connection.execute(
            "SELECT max(occurred_at) FROM clearing.log WHERE position <= %s", (moment.position,)
        ).fetchone()
        if row is None or row[0] is None:
            raise DerivationRefused("the log has no events to measure")
        self.end: int = row[0]
        """The time of the position, in microseconds: the greatest that occurred by it."""

    def samples(self, series: str, market: MarketSpec, measure: Measure) -> list[int]:
        """Return what a series was last said to be at each sample's time, oldest first."""
        every = measure.sample_seconds * _SECOND
        start = self.end - measure.window_seconds * _SECOND
        told = self._told(series, market.ordinal, start)
        upcoming = next(told, None)
        value: Any = None
        found = []
        for at in range(start, self.end + 1, every):
            while upcoming is not None and upcoming[0] <= at:
                value = upcoming[1]
                upcoming = next(told, None)
            if value is None:
                raise DerivationRefused(
                    f"{market.name} has no {series} at {from_microseconds(at).isoformat()} yet;"
                    " a shorter window, or a later position, would do"
                )
            found.append(int(value))
        return found

    def _told(self, series: str, market: int, start: int) -> Iterator[tuple[int, Any]]:
        """Yield (time, value) in order of source time: the last by ``start``, then every one."""
        query = sql.SQL(
            "SELECT l.occurred_at, {column} FROM {table} t JOIN clearing.log l"
            " ON l.position = t.position WHERE t.market = %(market)s"
            " AND t.position <= %(position)s {effective}"
        ).format(
            column=sql.SQL(_COLUMNS[series]),
            table=sql.Identifier(self._schema, series),
            effective=sql.SQL("AND t.effective" if series == "mark" else ""),
        )
        values = {"market": market, "position": self.position, "start": start}
        latest = sql.SQL(
            " AND l.occurred_at <= %(start)s"
            " ORDER BY l.occurred_at DESC, t.position DESC, t.line DESC LIMIT 1"
        )
        later = sql.SQL(" AND l.occurred_at > %(start)s ORDER BY l.occurred_at, t.position, t.line")
        yield from self.connection.execute(query + latest, values).fetchall()
        yield from self.connection.execute(query + later, values)


def _measure(series: _Series, measure: Measure, path: str) -> Fraction:
    registry = series.registry
    ordinal = registry.market_ordinals.get(measure.market, 0)
    if not ordinal:
        raise DerivationRefused(f"{path}: market {measure.market!r} is not declared")
    market = registry.market(ordinal)
    told = series.samples(measure.series, market, measure)
    if measure.series == "mark":
        samples = [Fraction(value, 10**market.mark_decimals) for value in told]
    else:
        samples = [Fraction(value, 10**market.size_decimals) for value in told]
    if measure.notional:
        payoff = payoff_of(market, registry.asset(market.settlement_asset).decimals)
        faces = [payoff.face(mark) for mark in series.samples("mark", market, measure)]
        samples = [
            size * Fraction(abs(face), 10**payoff.face_decimals)
            for size, face in zip(samples, faces, strict=True)
        ]
    try:
        return reduced(samples, measure.reduce)
    except DerivationRefused as refused:
        raise DerivationRefused(f"{path}: {refused}") from refused
