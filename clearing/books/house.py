"""The statement of the house over a period: every ledger account, and what all own together."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from clearing.audit import HouseAssetView, HouseView, TrialBalanceLine, exact_text, ledger_period
from clearing.audit.balances import lines_of
from clearing.audit.house import house_view, whole_book
from clearing.audit.house_views import OwnersView
from clearing.audit.moments import Moment
from clearing.audit.period import PostedView
from clearing.audit.refold import Progress
from clearing.books.attribution import ZERO, BooksDoNotAddUp
from clearing.books.calendar import iso
from clearing.books.cuts import Cut
from clearing.books.kinds import OWN_LEDGERS
from clearing.books.statement import Movement, check_sum, movements_of
from clearing.log import Connection


@dataclass(frozen=True, slots=True)
class OwnersLine:
    """What some owners had together at both ends: cash, unrealised PnL, accrued funding, equity."""

    owners: str
    opening: OwnersView
    closing: OwnersView


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """A ledger account over the period; positive: the ledger owes it.

    ``ledger`` is its kind, those of all markets together; ``accounts`` are all trading accounts,
    ``fund`` one fund, named by ``account``.
    """

    ledger: str
    account: str
    opening: str
    movements: tuple[Movement, ...]
    closing: str


@dataclass(frozen=True, slots=True)
class HouseAsset:
    """The house in one asset. ``result`` is what it earned (negative: lost) by source, and the sum.

    Its sources are the ledger accounts that are the house's own, and ``funds``: what their equity
    changed by, without what was put in and taken out and without the worth of providers' shares
    (``fund_claims``, at both ends).
    """

    asset: str
    owners: tuple[OwnersLine, ...]
    fund_claims: tuple[str, str]
    ledgers: tuple[LedgerLine, ...]
    result: dict[str, str]


@dataclass(frozen=True, slots=True)
class HouseStatement:
    """The whole ledger over a period, asset by asset; those without anything are left out."""

    calendar: str
    period: str
    begins: str
    ends: str
    assets: tuple[HouseAsset, ...]


def house_statement(
    connection: Connection, made: Cut, progress: Progress | None = None
) -> HouseStatement:
    """Return the statement of the house over a period that was cut.

    Raises :class:`BooksDoNotAddUp` where opening and movements are not closing, where an asset's
    postings do not sum to zero, or where the house's own sums do not hold.
    """
    opening, before = _at(connection, made.opening, progress)
    closing, after = _at(connection, made.closing, progress)
    posted = ledger_period(connection, made.opening, made.closing, progress)
    assets = []
    old = {view.asset: view for view in opening.assets}
    for view in closing.assets:
        asset = view.asset
        lines = tuple(
            _ledgers(
                asset,
                _balances(before, asset),
                _balances(after, asset),
                [each for each in posted if each.asset == asset],
            )
        )
        if lines:
            assets.append(_asset(old.get(asset), view, lines))
    period = made.period
    return HouseStatement(
        period.calendar, period.name, iso(period.begins), iso(period.ends), tuple(assets)
    )


def _at(
    connection: Connection, moment: Moment, progress: Progress | None
) -> tuple[HouseView, list[TrialBalanceLine]]:
    book = whole_book(connection, moment, progress)
    return house_view(book, moment), lines_of(book)


Key = tuple[str, str]


def _balances(lines: list[TrialBalanceLine], asset: str) -> dict[Key, Fraction]:
    """Return balances by (ledger, fund), those of one kind of all markets and accounts summed."""
    found: dict[Key, Fraction] = {}
    for line in lines:
        if line.asset == asset and not line.memo:
            key = (line.ledger, line.account if line.ledger == "fund" else "")
            found[key] = found.get(key, ZERO) + Fraction(line.balance)
    return found


def _ledgers(
    asset: str,
    before: dict[Key, Fraction],
    after: dict[Key, Fraction],
    posted: list[PostedView],
) -> Iterable[LedgerLine]:
    total = sum((Fraction(each.amount) for each in posted), ZERO)
    if total:
        raise BooksDoNotAddUp(f"{asset}: postings of the period sum to {exact_text(total)}, not 0")
    moved: dict[Key, list[PostedView]] = {}
    for each in posted:
        moved.setdefault((each.ledger, each.account), []).append(each)
    for key in sorted({*before, *after, *moved}):
        line = LedgerLine(
            *key,
            exact_text(before.get(key, ZERO)),
            movements_of(moved.get(key, ())),
            exact_text(after.get(key, ZERO)),
        )
        named = " ".join(key).strip()
        check_sum(f"{asset}: ledger account {named}", line.opening, line.movements, line.closing)
        if line.movements or {line.opening, line.closing} != {"0"}:
            yield line


_PUT_IN: Final = (
    "deposits",
    "withdrawals",
    "transfers",
    "fund contributions",
    "fund withdrawals",
)
"""Movements of a fund that are nobody's gain. Shares bought and redeemed are in the claims."""


def _asset(
    before: HouseAssetView | None, after: HouseAssetView, ledgers: tuple[LedgerLine, ...]
) -> HouseAsset:
    wrong = {name: left for name, left in after.differences.items() if left != "0"}
    if wrong:
        raise BooksDoNotAddUp(f"{after.asset}: the house's sums leave {wrong}")
    nothing = OwnersView("0", "0", "0", "0")
    owners = tuple(
        OwnersLine(
            name.replace("others", "not named"),
            nothing if before is None else getattr(before, name),
            getattr(after, name),
        )
        for name in ("accounts", "funds", "others")
    )
    claims = ("0" if before is None else before.fund_claims, after.fund_claims)
    result = {
        line.ledger: Fraction(line.closing) - Fraction(line.opening)
        for line in ledgers
        if line.ledger in OWN_LEDGERS
    }
    put_in = sum(
        (
            Fraction(each.amount)
            for line in ledgers
            if line.ledger == "fund"
            for each in line.movements
            if each.kind in _PUT_IN
        ),
        ZERO,
    )
    funds = owners[1]
    opening, closing = (
        Fraction(equity) - Fraction(claim)
        for equity, claim in zip((funds.opening.equity, funds.closing.equity), claims, strict=True)
    )
    gained = closing - opening - put_in
    if gained or any(line.ledger == "fund" for line in ledgers):
        result["funds"] = gained
    result["sum"] = sum(result.values(), ZERO)
    return HouseAsset(
        after.asset,
        owners,
        claims,
        ledgers,
        {name: exact_text(amount) for name, amount in result.items()},
    )
