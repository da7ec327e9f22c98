"""Deleveraging: who of the other side is closed, in which order, for how much each.

Features and keys are exact; ties are broken by account ordinal, never by name.
"""

import hashlib
from collections.abc import Callable
from functools import cmp_to_key
from typing import Final

from clearing.engine.acting import holds
from clearing.engine.asset import Asset
from clearing.engine.deleveraging_lines import ranking_lines
from clearing.engine.estate import Estate
from clearing.engine.market import Market
from clearing.engine.scope import Position, Scope
from clearing.engine.step import Step
from clearing.engine.valuation import Measure, measure, position_value, unrealised
from clearing.quantities import format_exact
from clearing.rulebook import RATE_SCALE, AdlLayer


class Allotment:
    """What one counterparty takes: the unsigned size, and a price (None: the bankruptcy amount).

    The price is at mark decimals.
    """

    __slots__ = ("account", "price", "taken")

    def __init__(self, account: int, taken: int, price: int | None) -> None:
        self.account = account
        self.taken = taken
        self.price = price


class Candidate:
    """A counterparty for deleveraging: its position and features, at the working scale.

    ``worth`` is the equity, at least 1: what a rank divides by. ``cost`` is the position's,
    unsigned and not 0; ``wallet`` the scope's cash, at least one whole unit of the asset; ``long``
    and ``rises`` say its side and whether value rises with the price.
    """

    __slots__ = (
        "account",
        "cost",
        "equity",
        "long",
        "maintenance",
        "notional",
        "pnl",
        "rises",
        "size",
        "wallet",
        "worth",
    )

    def __init__(
        self, asset: Asset, market: Market, scope: Scope, position: Position, now: Measure
    ) -> None:
        self.account = scope.account
        self.size = position.size
        self.long = position.size > 0
        self.rises = market.spec.payoff != "inverse"
        self.pnl = unrealised(asset, market, position)
        self.notional = abs(position_value(market, position))
        self.cost = max(abs(position.cost), 1) * asset.lift
        self.equity = now.equity
        self.worth = max(now.equity, 1)
        self.maintenance = now.maintenance
        self.wallet = max(scope.cash, 10**asset.decimals) * asset.lift


Key = tuple[int, int]
"""A rank key as a fraction: numerator and denominator (> 0); the greatest goes first."""


def _profit_by_leverage(who: Candidate) -> Key:
    """PnL as a share of the entry × leverage; a loss ÷ leverage. Source: BitMEX, ADL."""
    if who.pnl > 0:
        return who.pnl * who.notional, who.cost * who.worth
    return who.pnl * who.worth, who.cost * max(who.notional, 1)


def _profit_by_margin_ratio(who: Candidate) -> Key:
    """Profit as a share of the wallet × maintenance / equity. Source: Binance USD-M, ADL."""
    return max(who.pnl, 0) * who.maintenance, who.wallet * who.worth


def _price_by_leverage(who: Candidate) -> Key:
    """Mark / entry × notional / equity, the same for both sides. Source: Hyperliquid, ADL."""
    gone_up, gone_down = who.notional, who.cost
    if not who.rises:
        gone_up, gone_down = gone_down, gone_up
    return gone_up * who.notional, max(gone_down, 1) * who.worth


def _price_by_leverage_side_adjusted(who: Candidate) -> Key:
    """As ``price_by_leverage``, with entry / mark for shorts: a profit ranks higher."""
    if who.long:
        return _price_by_leverage(who)
    gone_up, gone_down = who.notional, who.cost
    if not who.rises:
        gone_up, gone_down = gone_down, gone_up
    return gone_down * who.notional, max(gone_up, 1) * who.worth


def _profit(who: Candidate) -> Key:
    """PnL."""
    return who.pnl, 1


_KEYS: Final[dict[str, Callable[[Candidate], Key]]] = {
    "profit_by_leverage": _profit_by_leverage,
    "profit_by_margin_ratio": _profit_by_margin_ratio,
    "price_by_leverage": _price_by_leverage,
    "price_by_leverage_side_adjusted": _price_by_leverage_side_adjusted,
    "profit": _profit,
}


def allot(step: Step, scope: Scope, estate: Estate, layer: AdlLayer) -> list[Allotment]:
    """Rank who may be deleveraged, allot what is left of the estate, and state the ranking."""
    market, working = estate.market, step.book.assets[scope.asset].working
    price = None if layer.price == "bankruptcy" else price_of(step, market, layer.price)
    ranked = _ranked(step, estate, scope, layer)
    gives = _limits(ranked, layer, market.spec.lot)
    if layer.pro_rata:
        sizes = _pro_rata(gives, estate.rest, market.spec.lot)
    else:
        sizes = _queued(gives, estate.rest)
    if step.workings is not None:
        key_of = _KEYS.get(layer.rank)
        keys = [None if key_of is None else key_of(who) for who in ranked]
        ranking_lines(step, scope, estate, layer, ranked, keys, sizes, gives)
    found = []
    for rank, (who, taken) in enumerate(zip(ranked, sizes, strict=True), start=1):
        found.append(Allotment(who.account, taken, price))
        step.entries.append(
            (
                "adl",
                scope.account,
                scope.asset,
                market.ordinal,
                rank,
                who.account,
                who.size,
                format_exact(who.pnl, working),
                format_exact(who.notional, working),
                format_exact(who.equity, working),
                taken,
            )
        )
    return found


def price_of(step: Step, market: Market, name: str) -> int:
    """Return the price that a layer names (not the bankruptcy amount), at mark decimals."""
    if name == "previous_mark":
        moved = any(other is market for other, _ in step.moved_markets)
        return (market.previous_mark if moved else 0) or market.mark
    return market.mark if name == "mark" else market.price("adl")


def _ranked(step: Step, estate: Estate, scope: Scope, layer: AdlLayer) -> list[Candidate]:
    """Return the ranking, and say who was told and is no candidate."""
    ranked = ranking(step, estate, scope, layer)
    if layer.rank == "recorded":
        market, known = estate.market, {who.account for who in ranked}
        for account in _told(market, estate):
            if account not in known:
                step.deviation(
                    "no_candidate", account=account, market=market.ordinal, asset=market.asset
                )
    return ranked


def ranking(step: Step, estate: Estate, scope: Scope | None, layer: AdlLayer) -> list[Candidate]:
    """Return who may be deleveraged for an estate of ``scope`` (None: of nobody known), by rank."""
    book, market = step.book, estate.market
    asset = book.assets[market.asset]
    found = []
    for account in sorted(market.holders):
        other = market.holders[account]
        position = other.positions[market.ordinal]
        if other is scope or (position.size > 0) == (estate.size > 0) or book.is_fund(account):
            continue
        now = measure(book, other)
        who = Candidate(asset, market, other, position, now)
        if _may_be_taken(step, estate, layer, who) and not _is_due(step, other, now):
            found.append(who)
    if layer.rank == "recorded":
        return _as_told(_told(market, estate), layer, found)
    if layer.rank == "random":
        return sorted(found, key=lambda who: _lot(step, layer.seed, market, who))
    key_of = _KEYS[layer.rank]
    keyed = [(*key_of(who), who) for who in found]
    return [who for *_, who in sorted(keyed, key=cmp_to_key(_by_rank))]


def _may_be_taken(step: Step, estate: Estate, layer: AdlLayer, who: Candidate) -> bool:
    if layer.candidates != "overlapping":
        return who.equity > 0 and (who.pnl > 0 or layer.candidates == "all")
    # Exactly, as if all that both have of each other's side were closed.
    market, size = estate.market, min(abs(who.size), estate.rest)
    if layer.price == "bankruptcy":
        lift = step.book.assets[market.asset].lift
        loss = estate.amount * lift - estate.size * market.worth
    else:
        price = price_of(step, market, layer.price)
        loss = estate.size * (market.worth_at(price) - market.worth)
    return who.equity * abs(estate.size) >= loss * size


def _by_rank(left: tuple[int, int, Candidate], right: tuple[int, int, Candidate]) -> int:
    a, b = left[0] * right[1], right[0] * left[1]
    if a != b:
        return -1 if a > b else 1
    return left[2].account - right[2].account


def _lot(step: Step, seed: str, market: Market, who: Candidate) -> tuple[bytes, int]:
    """Return what a candidate drew: a hash of the seed, the event, the market and the account."""
    drawn = f"{seed}:{step.row.position}:{market.ordinal}:{who.account}"
    return hashlib.sha256(drawn.encode("utf-8")).digest(), who.account


def _is_due(step: Step, scope: Scope, now: Measure) -> bool:
    """Whether a closing rung's condition holds for the scope."""
    rules = scope.rules
    return rules is not None and any(holds(step.book, scope, rung, now) for rung in rules.closing)


def _told(market: Market, estate: Estate) -> list[int]:
    """Return who was told to be deleveraged first for an estate, by ordinal."""
    return market.ranked.get("short" if estate.size > 0 else "long", [])


def _as_told(told: list[int], layer: AdlLayer, found: list[Candidate]) -> list[Candidate]:
    """Return candidates in the order told; whoever is not listed comes last, or is left out."""
    by_account = {who.account: who for who in found}
    listed = [by_account[account] for account in told if account in by_account]
    return listed if layer.listed_only else listed + [who for who in found if who not in listed]


def _limits(ranked: list[Candidate], layer: AdlLayer, lot: int) -> list[int]:
    """Return how much each may be made to give: all, a share in whole lots, or nothing."""
    gives = [abs(who.size) for who in ranked]
    if layer.at_most < RATE_SCALE:
        gives = [size * layer.at_most // RATE_SCALE // lot * lot for size in gives]
    if layer.most:
        gives[layer.most :] = [0] * len(gives[layer.most :])
    return gives


def _queued(gives: list[int], rest: int) -> list[int]:
    """Return what each takes when the first gives all it has before the next gives anything."""
    sizes = []
    for given in gives:
        taken = min(given, rest)
        rest -= taken
        sizes.append(taken)
    return sizes


def _pro_rata(gives: list[int], rest: int, lot: int) -> list[int]:
    """Return what each takes when all give the same share, in whole lots; what is left by rank."""
    total = sum(gives)
    wanted = min(rest, total)
    sizes = [given * wanted // max(total, 1) // lot * lot for given in gives]
    left = wanted - sum(sizes)
    for i, given in enumerate(gives):
        more = min(given - sizes[i], left)
        sizes[i] += more
        left -= more
    return sizes
