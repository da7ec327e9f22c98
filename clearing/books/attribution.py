"""Attribution: the parts of the change of an account's or the house's equity, which add up to it.

Every posting belongs to one part. What fills changed equity by against the mark in force belongs to
their cause; what is left of realised and unrealised PnL is what positions gained while they were
held, which is the part ``price``. Roundings are taken out of the parts whose amounts were rounded.
Sums are exact; where they do not hold there is no attribution.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from clearing.audit import (
    HouseAssetView,
    PeriodView,
    PositionView,
    PostedView,
    ScopeView,
    exact_text,
)
from clearing.books.kinds import (
    COLLATERAL,
    FILLS,
    FUNDING,
    OWN_LEDGERS,
    PARTS,
    PRICE,
    PURPOSES,
    ROUNDING,
    SHARES,
    SOCIALISED,
)

ZERO: Final = Fraction(0)


class BooksDoNotAddUp(RuntimeError):  # noqa: N818 - reads as the statement that it is
    """A statement's own sums do not hold: the read models contradict themselves.

    `clearing verify` finds out where; the message names account, asset and difference.
    """


@dataclass(frozen=True, slots=True)
class PartLine:
    """What a part is made of: a kind of movement or of fill, in a market (empty: in none)."""

    item: str
    market: str
    amount: str


@dataclass(frozen=True, slots=True)
class PartView:
    """A part of a change of equity, and what it is made of."""

    part: str
    amount: str
    lines: tuple[PartLine, ...]


@dataclass(frozen=True, slots=True)
class Attribution:
    """The change of equity in an asset, and its parts, in the order of a statement.

    Parts of nothing are left out. ``change`` is closing less opening equity, and their sum.
    """

    asset: str
    opening: str
    closing: str
    change: str
    parts: tuple[PartView, ...]


Parts = dict[tuple[str, str, str], Fraction]
"""Amounts by part, item and market."""

_HELD: Final = "positions held"
_ACCRUED: Final = "accrued"


def attribution(
    asset: str, opening: ScopeView | None, closing: ScopeView | None, period: PeriodView
) -> Attribution:
    """Return the parts of the change between two moments of an account in an asset.

    None stands for an account that had nothing in the asset yet. Raises :class:`BooksDoNotAddUp`
    if cash did not change by what was posted.
    """
    parts: Parts = {}
    cash = _posted(asset, period, parts)
    _held(asset, period, _positions(opening), _positions(closing), parts)
    for remainder in period.remainders:
        if remainder.asset == asset:
            _rounded(
                remainder.operation, remainder.cause, remainder.market, remainder.amount, parts
            )
    _add(
        parts,
        COLLATERAL,
        "other assets",
        "",
        _of(closing, "collateral") - _of(opening, "collateral"),
    )
    if cash != _of(closing, "cash") - _of(opening, "cash"):
        raise BooksDoNotAddUp(
            f"{asset}: cash went from {exact_text(_of(opening, 'cash'))} to"
            f" {exact_text(_of(closing, 'cash'))}, but {exact_text(cash)} was posted"
        )
    return _made(asset, _of(opening, "equity"), _of(closing, "equity"), parts)


def house_attribution(
    asset: str,
    opening: HouseAssetView | None,
    closing: HouseAssetView,
    posted: Iterable[PostedView],
    funds: Mapping[str, Attribution],
) -> Attribution:
    """Return the parts of what the house's own equity in an asset changed by between two moments.

    It is the balance of its own ledger accounts and the equity of its funds, without what others'
    shares of them are worth. ``posted`` are the postings of all ledger accounts in between,
    ``funds`` what each fund's equity changed by. What balances in other assets count for is in
    those assets, and not here. Raises :class:`BooksDoNotAddUp`.
    """
    parts: Parts = {}
    for each in posted:
        if each.asset == asset and each.ledger in OWN_LEDGERS:
            purpose = PURPOSES[each.purpose]
            part = ROUNDING if each.ledger == "rounding" else purpose.part
            _add(parts, part, f"{each.ledger}: {purpose.kind}", "", Fraction(each.amount))
    for name, fund in funds.items():
        for found in fund.parts:
            if found.part != COLLATERAL:
                for line in found.lines:
                    item = f"{name}: {line.item}"
                    _add(parts, found.part, item, line.market, Fraction(line.amount))
    claims = Fraction(closing.fund_claims)
    if opening is not None:
        claims -= Fraction(opening.fund_claims)
    _add(parts, SHARES, "providers", "", -claims)
    return _made(asset, ZERO if opening is None else _owned(opening), _owned(closing), parts)


def _owned(view: HouseAssetView) -> Fraction:
    """Return what is the house's own in an asset."""
    ledgers = sum((Fraction(view.ledgers.get(kind, "0")) for kind in OWN_LEDGERS), ZERO)
    return ledgers + Fraction(view.funds.equity) - Fraction(view.fund_claims)


def _made(asset: str, opening: Fraction, closing: Fraction, parts: Parts) -> Attribution:
    """Return the attribution, if its parts are the change."""
    change, total = closing - opening, sum(parts.values(), ZERO)
    if total != change:
        raise BooksDoNotAddUp(
            f"{asset}: equity changed by {exact_text(change)}, its parts are {exact_text(total)}"
        )
    return Attribution(
        asset,
        exact_text(opening),
        exact_text(closing),
        exact_text(change),
        tuple(_views(parts)),
    )


def _add(parts: Parts, part: str, item: str, market: str, amount: Fraction) -> None:
    key = (part, item, market)
    parts[key] = parts.get(key, ZERO) + amount


def _of(scope: ScopeView | None, name: str) -> Fraction:
    return ZERO if scope is None else Fraction(str(getattr(scope, name)))


def _positions(scope: ScopeView | None) -> dict[str, PositionView]:
    return {} if scope is None else {position.market: position for position in scope.positions}


def _posted(asset: str, period: PeriodView, parts: Parts) -> Fraction:
    """Add every posting to its part, and return their sum."""
    total = ZERO
    for posted in period.posted:
        if posted.asset == asset and posted.ledger == "account":
            amount = Fraction(posted.amount)
            purpose = PURPOSES[posted.purpose]
            item = _HELD if purpose.part == PRICE else purpose.kind
            _add(parts, purpose.part, item, posted.market, amount)
            total += amount
    return total


def _held(
    asset: str,
    period: PeriodView,
    opening: dict[str, PositionView],
    closing: dict[str, PositionView],
    parts: Parts,
) -> None:
    """Add what positions gained and accrued, and give fills and shared losses their parts.

    What is realised stands under ``price`` already.
    """
    for positions, sign in ((opening, -1), (closing, 1)):
        for market, position in positions.items():
            _add(parts, PRICE, _HELD, market, sign * Fraction(position.unrealised))
            _add(parts, FUNDING, _ACCRUED, market, sign * Fraction(position.accrued_funding))
    for fills in period.fills:
        if fills.asset == asset:
            gained = Fraction(fills.against_mark)
            fill = FILLS[fills.cause]
            _add(parts, fill.part, fill.kind, fills.market, gained)
            _add(parts, PRICE, _HELD, fills.market, -gained)
    for shared in period.shared:
        if shared.asset == asset:
            amount = Fraction(shared.amount)
            _add(parts, SOCIALISED, PURPOSES["per_unit"].kind, shared.market, amount)
            _add(parts, FUNDING, _ACCRUED, shared.market, -amount)


def _rounded(operation: str, cause: str, market: str, amount: str, parts: Parts) -> None:
    """Take out of a part what a rounding (exact − rounded) made of it.

    Of a cost less was paid than its exact amount, of funding and interest less was got.
    """
    left = Fraction(amount)
    if operation == "fill_cost":
        found = FILLS[cause] if cause else PURPOSES["spot"]
        left = -left
    else:
        found = PURPOSES[operation]
    _add(parts, found.part, found.kind, market, left)
    _add(parts, ROUNDING, found.kind, market, -left)


def _views(parts: Parts) -> Iterable[PartView]:
    for part in PARTS:
        lines = [(key, amount) for key, amount in sorted(parts.items()) if key[0] == part]
        made_of = tuple(
            PartLine(item, market, exact_text(amount))
            for (_, item, market), amount in lines
            if amount
        )
        if made_of:
            total = sum((amount for _, amount in lines), ZERO)
            yield PartView(part, exact_text(total), made_of)
