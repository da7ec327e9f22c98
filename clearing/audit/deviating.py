"""Deviations: where facts contradicted the rules, and the evidence for each."""

from dataclasses import dataclass
from typing import Any, Final

from clearing.audit.explain.nodes import Source
from clearing.audit.explain.sources import Sources
from clearing.audit.load import Histories
from clearing.audit.losses import plain
from clearing.audit.moments import Moment
from clearing.audit.rulebooks import RulebookView, rulebooks
from clearing.audit.views import DeviationView
from clearing.events import Registry, decode, upcast
from clearing.log import Connection, read_at
from clearing.quantities import format_scaled

_OF_ACCOUNTS: Final = frozenset({"adl_rank", "adl_unexpected"})
"""Codes whose detail is the ordinal of an account."""

_SIZES: Final = frozenset({"liquidation_quantity", "liquidation_size", "size_before"})
_PRICES: Final = frozenset({"liquidation_price", "mark_mismatch", "settlement_price"})
_AMOUNTS: Final = frozenset(
    {
        "fee_mismatch",
        "fund_below_zero",
        "fund_overdrawn",
        "funding_mismatch",
        "funding_unannounced",
        "funding_unpaid",
        "interest_mismatch",
        "interest_unannounced",
        "negative_balance",
        "reported_cost",
        "reported_pnl",
        "withdrawn_too_much",
    }
)

MEANINGS: Final[dict[str, str]] = {
    "liquidation_unexpected": "too early: no closing rung's condition held; found is the status",
    "liquidation_missing": "too late: the account left liquidation and no fill had closed anything",
    "liquidation_late": "too late: so long after the account fell due",
    "liquidation_size": "wrong size: it does not close some or all of the position, and no more",
    "liquidation_quantity": "wrong size: no due rung closes so much; detail is the rung's number",
    "liquidation_price": "wrong price: no due rung gives it; detail is the rung's number",
    "adl_rank": "wrong counterparty: it ranks below who has to give; detail came first",
    "adl_unexpected": "deleveraged without a loss: detail was not in liquidation, or has equity",
    "fee_mismatch": "wrong fee: detail is the maker's, which is right, too",
    "funding_mismatch": "wrong funding: not the position's by the last settlement",
    "funding_unannounced": "funding without any settlement before it",
    "funding_unpaid": "unpaid funding: of the settlement at the log position that detail names",
    "funding_rate_mismatch": "wrong funding rate: the rulebook computes another",
    "reported_pnl": "the venue's closed PnL is another; detail has the average entry rounded",
}
"""What the deviations of verify mode mean, by code, for whoever reads one."""


@dataclass(frozen=True, slots=True)
class DeviationEvidence:
    """A deviation with what it rests on.

    ``unit`` is what expected and found are in: an asset, a price (asset per unit of a market's
    size), a market's size, seconds, or nothing for words and ranks. ``source`` is the event that
    the deviation was found by, with the hash by which the log holds it, ``event`` its content.
    ``rulebook`` is the one in force then for the settlement asset, None without; ``mark`` the
    market's at that event (empty: none yet). ``equity`` and ``maintenance`` are the account's just
    before a liquidation that the event tells, else empty.
    """

    deviation: DeviationView
    meaning: str
    unit: str
    source: Source
    event: dict[str, Any]
    rulebook: RulebookView | None
    mark: str
    equity: str
    maintenance: str


def deviations(
    connection: Connection, moment: Moment, *, code: str | None = None, limit: int = 1000
) -> list[DeviationView]:
    """Return the latest deviations up to a position, in order; with ``code``, only those."""
    return _deviations(Histories(connection, moment), code, limit)


def deviation_evidence(
    connection: Connection, moment: Moment, *, code: str | None = None, limit: int = 1000
) -> list[DeviationEvidence]:
    """Return the latest deviations up to a position with their evidence, in order."""
    histories = Histories(connection, moment)
    found = _deviations(histories, code, limit)
    sources, adopted = Sources(histories), rulebooks(connection, moment)
    stood = _stood(histories, sorted({view.log_position for view in found}))
    evidence = []
    for view in found:
        row, _ = read_at(connection, view.log_position)
        event = decode(upcast(row), histories.registry).model_dump(mode="json", exclude_none=True)
        equity, maintenance = stood.get((view.log_position, view.account), ("", ""))
        evidence.append(
            DeviationEvidence(
                view,
                MEANINGS.get(view.code, ""),
                _unit(histories.registry, view),
                sources.event(view.log_position),
                event,
                _in_force(adopted, _settlement_asset(histories.registry, view), view.log_position),
                _mark(histories, view),
                equity,
                maintenance,
            )
        )
    return evidence


def _deviations(histories: Histories, code: str | None, limit: int) -> list[DeviationView]:
    registry = histories.registry
    found = histories.rows(
        "SELECT * FROM (SELECT position, line, code, account, market, asset, expected, found,"
        " detail FROM {deviation} WHERE position <= %(position)s"
        " AND (%(code)s = '' OR code = %(code)s)"
        " ORDER BY position DESC, line DESC LIMIT %(limit)s) t ORDER BY position, line",
        ["deviation"],
        code=code or "",
        limit=limit,
    )
    return [
        DeviationView(
            position,
            name,
            registry.account(account).name if account else "",
            registry.market(market).name if market else "",
            registry.asset(asset).name if asset else "",
            expected,
            what,
            _detail(registry, name, detail),
        )
        for position, _, name, account, market, asset, expected, what, detail in found
    ]


@dataclass(frozen=True, slots=True)
class Deviated:
    """A deviation of an account with the event that it was found by.

    ``line`` is its place among the event's entries, ``asset`` what amounts of it are in (the
    market's settlement asset where it names none).
    """

    deviation: DeviationView
    line: int
    occurred_at: int
    source: str
    external_id: str
    asset: str


def deviations_between(
    connection: Connection, moment: Moment, account: str, since: int, until: int
) -> list[Deviated]:
    """Return an account's deviations up to a moment whose events occurred in a time, in order.

    ``since`` and ``until`` (not included) are microseconds since 1970.
    """
    histories = Histories(connection, moment)
    registry = histories.registry
    ordinal = registry.account_ordinals.get(account, 0)
    if not ordinal:
        return []
    found = histories.rows(
        "SELECT d.position, d.line, code, d.market, d.asset, expected, found, d.detail,"
        " l.occurred_at, l.source, l.external_id FROM {deviation} d"
        " JOIN clearing.log l ON l.position = d.position"
        " WHERE d.position <= %(position)s AND d.account = %(account)s"
        " AND l.occurred_at >= %(since)s AND l.occurred_at < %(until)s"
        " ORDER BY d.position, d.line",
        ["deviation"],
        account=ordinal,
        since=since,
        until=until,
    )
    made = []
    for at, line, code, market, asset, expected, what, detail, when, source, name in found:
        view = DeviationView(
            at,
            code,
            account,
            registry.market(market).name if market else "",
            registry.asset(asset).name if asset else "",
            expected,
            what,
            _detail(registry, code, detail),
        )
        of = _settlement_asset(registry, view)
        told = registry.source(int(source)).name
        made.append(Deviated(view, int(line), int(when), told, name, of))
    return made


def _detail(registry: Registry, code: str, detail: str) -> str:
    return registry.account(int(detail)).name if code in _OF_ACCOUNTS and detail else detail


def _settlement_asset(registry: Registry, view: DeviationView) -> str:
    """Return whose rulebook a deviation is about: its asset's, or its market's."""
    if view.asset or not view.market:
        return view.asset
    spec = registry.market(registry.market_ordinals[view.market])
    return registry.asset(spec.settlement_asset).name


def _unit(registry: Registry, view: DeviationView) -> str:
    asset = _settlement_asset(registry, view)
    if view.code in _AMOUNTS:
        return asset
    if view.code in _PRICES:
        return f"{asset} per {view.market}"
    if view.code == "liquidation_late":
        return "seconds"
    return view.market if view.code in _SIZES else ""


def _in_force(adopted: list[RulebookView], asset: str, position: int) -> RulebookView | None:
    for view in adopted:
        if view.settlement_asset != asset or view.since is None or view.since > position:
            continue
        if view.until is None or position <= view.until:
            return view
    return None


def _mark(histories: Histories, view: DeviationView) -> str:
    if not view.market:
        return ""
    spec = histories.registry.market(histories.registry.market_ordinals[view.market])
    found = histories.rows(
        "SELECT price FROM {mark} WHERE market = %(market)s AND effective AND position <= %(at)s"
        " ORDER BY position DESC, line DESC LIMIT 1",
        ["mark"],
        market=spec.ordinal,
        at=view.log_position,
    )
    return format_scaled(int(found[0][0]), spec.mark_decimals) if found else ""


def _stood(histories: Histories, positions: list[int]) -> dict[tuple[int, str], tuple[str, str]]:
    """Return equity and maintenance just before told liquidations, by (position, account)."""
    found = histories.rows(
        "SELECT position, account, equity, maintenance FROM {venue_liquidation}"
        " WHERE position = ANY(%(at)s) ORDER BY position, line",
        ["venue_liquidation"],
        at=positions,
    )
    accounts = histories.registry
    return {
        (int(position), accounts.account(who).name): (plain(equity), plain(maintenance))
        for position, who, equity, maintenance in found
    }
