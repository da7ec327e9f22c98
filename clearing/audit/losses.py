"""Liquidations with who bore what."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from clearing.audit.load import Histories
from clearing.audit.moments import Moment
from clearing.audit.views import LiquidationView
from clearing.events import Registry
from clearing.events.fields import from_microseconds
from clearing.log import Connection
from clearing.quantities import format_exact, format_scaled


class NameUnknown(ValueError):  # noqa: N818 - reads as the statement that it is
    """A question names what was not declared at the moment it asks about."""


def declared(registry: Registry, account: str, moment: Moment) -> int:
    """Return the ordinal of an account that was opened by the moment asked about."""
    ordinal = registry.account_ordinals.get(account, 0)
    if not ordinal:
        raise NameUnknown(f"no account {account!r} was opened by log position {moment.position:,}")
    return ordinal


def opened(registry: Registry, account: str | None) -> int | None:
    """Return the ordinal of an account (0: not opened by then), or None where all are meant."""
    return None if account is None else registry.account_ordinals.get(account, 0)


def plain(value: Decimal | None) -> str:
    """Write a stored exact decimal without exponent or trailing zeros; nothing for NULL."""
    if value is None:
        return ""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def times_of(connection: Connection, positions: set[int]) -> dict[int, datetime]:
    """Return when the events at some positions occurred."""
    rows = connection.execute(
        "SELECT position, occurred_at FROM clearing.log WHERE position = ANY(%s)",
        (list(positions),),
    ).fetchall()
    return {int(position): from_microseconds(int(at)) for position, at in rows}


def liquidations(
    connection: Connection, moment: Moment, *, account: str | None = None, limit: int = 1000
) -> list[LiquidationView]:
    """Return the latest steps of liquidation ladders up to a position, in order.

    With ``account``, only that account's: none if it was not opened by then.
    """
    histories = Histories(connection, moment)
    ordinal = opened(histories.registry, account)
    found = histories.rows(
        "SELECT * FROM (SELECT position, line, account, asset, action, equity, comparator,"
        " threshold, level FROM {liquidation} WHERE position <= %(position)s"
        " AND (%(account)s::bigint IS NULL OR account = %(account)s)"
        " ORDER BY position DESC, line DESC LIMIT %(limit)s) t ORDER BY position, line",
        ["liquidation"],
        account=ordinal,
        limit=limit,
    )
    positions = sorted({int(row[0]) for row in found})
    closed = _closed(histories, positions)
    losses = _losses(histories, positions)
    times = times_of(connection, set(positions))
    views = []
    for i, row in enumerate(found):
        position, line, who, asset, action, equity, comparator, threshold, level = row
        following = [
            other[1] for other in found[i + 1 : i + 200] if other[0] == position and other[2] == who
        ]
        until = following[0] if following else 1 << 30
        parts = [text for at, text in closed.get((position, who), ()) if line < at < until]
        loss = next(
            (amounts for at, amounts in losses.get((position, who), ()) if line < at < until),
            ("",) * 7,
        )
        views.append(
            LiquidationView(
                position,
                times[position],
                histories.registry.account(who).name,
                histories.registry.asset(asset).name,
                action,
                plain(equity),
                comparator,
                plain(threshold),
                level,
                tuple(parts),
                *loss,
            )
        )
    return views


def _closed(histories: Histories, positions: list[int]) -> dict[tuple[int, int], list[Any]]:
    """Return, by (position, account), each part closed as (line, words)."""
    registry = histories.registry
    found = histories.rows(
        "SELECT position, line, account, market, layer, taker, size, amount FROM {closing}"
        " WHERE position = ANY(%(positions)s) ORDER BY position, line",
        ["closing"],
        positions=positions,
    )
    parts: dict[tuple[int, int], list[Any]] = {}
    for position, line, account, market, layer, taker, size, amount in found:
        spec = registry.market(market)
        asset = registry.asset(spec.settlement_asset)
        text = (
            f"{format_exact(int(size), spec.size_decimals)} {spec.name} for"
            f" {format_scaled(int(amount), asset.decimals)} {asset.name}"
            f" to {registry.account(taker).name} ({layer})"
        )
        parts.setdefault((position, account), []).append((line, text))
    return parts


def _losses(histories: Histories, positions: list[int]) -> dict[tuple[int, int], list[Any]]:
    found = histories.rows(
        "SELECT position, account, line, loss, fund, adl, socialised, deficit, rounding, kept"
        " FROM {loss} WHERE position = ANY(%(positions)s) ORDER BY position, line",
        ["loss"],
        positions=positions,
    )
    losses: dict[tuple[int, int], list[Any]] = {}
    for position, account, line, *amounts in found:
        texts = tuple(plain(amount) for amount in amounts)
        losses.setdefault((position, account), []).append((line, texts))
    return losses
