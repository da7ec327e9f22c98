"""The working of a ranking: each candidate's features, its key, and what it has to take."""

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from clearing.engine.estate import Estate
from clearing.engine.scope import Scope
from clearing.engine.step import Step
from clearing.engine.valuation import measure, unrealised_lines
from clearing.engine.working import face_lines
from clearing.events.kinds import RATE_DECIMALS
from clearing.quantities import Trace, fact
from clearing.rulebook import MAINTENANCE, RATE_SCALE, AdlLayer

if TYPE_CHECKING:
    from clearing.engine.deleveraging import Candidate, Key

_BY_LEVERAGE: Final = "notional / max(entry, least)"
_AGAINST: Final = "entry / max(notional, least)"
_LEVERAGE: Final = " * notional / max(equity, least)"
_PROFIT: Final = "pnl * notional / (entry * max(equity, least))"
_LOSS: Final = "pnl * max(equity, least) / (entry * max(notional, least))"
_RATIO: Final = "max(pnl, 0) * maintenance / (wallet * max(equity, least))"


def _formula(rank: str, who: "Candidate") -> str:
    """Return the formula of a key over a candidate's features."""
    if rank == "profit":
        return "pnl"
    if rank == "profit_by_leverage":
        return _PROFIT if who.pnl > 0 else _LOSS
    if rank == "profit_by_margin_ratio":
        return _RATIO
    # The quotient of mark and entry; a price that falls as value rises turns it round.
    up = who.rises if rank == "price_by_leverage" or who.long else not who.rises
    return (_BY_LEVERAGE if up else _AGAINST) + _LEVERAGE


def ranking_lines(
    step: Step,
    scope: Scope,
    estate: Estate,
    layer: AdlLayer,
    ranked: "Sequence[Candidate]",
    keys: "Sequence[Key | None]",
    sizes: Sequence[int],
    gives: Sequence[int],
) -> None:
    """Leave, of each candidate in its rank, the key it was ranked by and what it takes.

    Keys are exact and descend. Where the order was told or drawn there is none.
    """
    if step.workings is None:
        return
    left = estate.rest
    found = zip(ranked, keys, sizes, gives, strict=True)
    for rank, (who, key, taken, given) in enumerate(found, start=1):
        if key is not None:
            _key_lines(step, scope, estate, layer, who, key, rank)
        _taken_lines(step, scope, estate, layer, rank, who, taken, given, left, sum(gives))
        left -= taken


def _key_lines(
    step: Step,
    scope: Scope,
    estate: Estate,
    layer: AdlLayer,
    who: "Candidate",
    key: "Key",
    rank: int,
) -> None:
    market, book = estate.market, step.book
    asset = book.assets[market.asset]
    name = book.registry.account(who.account).name
    lines = step.working(f"rank {rank} {name}", scope, market.ordinal)
    if lines is None:
        return
    other = book.scope(who.account, market.asset)
    position = other.positions[market.ordinal]
    lines.account = who.account
    lines.formula = _formula(layer.rank, who)
    gained = lines.step("pnl", "sum(inputs)")
    unrealised_lines(gained, asset, market, position)
    gained.finish(who.pnl, asset.working)
    notional = lines.step("notional", "abs(size * value_of_one)")
    notional.value("size", position.size, market.spec.size_decimals)
    face_lines(notional, market, market.mark)
    notional.finish(who.notional, asset.working)
    least_unit = fact("unit", 1, asset.decimals, "of the asset, the least that counts")
    entry = lines.step("entry", "max(abs(cost), unit)")
    entry.value("cost", position.cost, asset.decimals)
    entry.inputs.append(least_unit)
    entry.finish(who.cost, asset.working)
    _margin_lines(step, lines, other, who)
    wallet = lines.step("wallet", "max(cash, 1)")
    wallet.value("cash", other.cash, asset.decimals)
    wallet.finish(who.wallet, asset.working)
    lines.value("least", 1, asset.working, "the least equity or notional that counts")
    # Both sides of a key are at the same scale; a profit alone is an amount.
    amount = 10**asset.working if layer.rank == "profit" else 1
    lines.finish_ratio(Fraction(key[0], key[1] * amount), "keys descend; ties by ordinal")


def _margin_lines(step: Step, lines: Trace, other: Scope, who: "Candidate") -> None:
    """Leave the candidate's equity and maintenance, as its rules have them."""
    working = step.book.assets[other.asset].working
    margin = Trace("margin")
    measure(step.book, other, margin)
    equity = lines.step("equity", "sum(inputs)")
    equity.inputs += [part for part in margin.inputs if part.name in ("equity", "collateral")]
    equity.finish(who.equity, working)
    asked = other.rules.levels[MAINTENANCE] if other.rules is not None else ""
    maintenance = lines.step("maintenance", "sum(inputs)")
    maintenance.inputs += [part for part in margin.inputs if part.name == asked]
    maintenance.finish(who.maintenance, working)


def _taken_lines(
    step: Step,
    scope: Scope,
    estate: Estate,
    layer: AdlLayer,
    rank: int,
    who: "Candidate",
    taken: int,
    given: int,
    left: int,
    total: int,
) -> None:
    market = estate.market
    places, lot = market.spec.size_decimals, market.spec.lot
    name = step.book.registry.account(who.account).name
    lines = step.working(f"taken from {name}", scope, market.ordinal)
    if lines is None:
        return
    lines.account = who.account
    clause = f"rank {rank}" + (
        "" if layer.rank not in ("recorded", "random") else f", {layer.rank}"
    )
    may = lines.step("may give", "abs(size)")
    may.value("size", who.size, places)
    if layer.at_most < RATE_SCALE:
        may.formula = "down(abs(size) * share / lot, 0) * lot"
        may.value("share", layer.at_most, RATE_DECIMALS, "waterfall.layers.at_most")
        may.value("lot", lot, places)
    if layer.most and rank > layer.most:
        may.formula, may.inputs = "0", [fact("most", layer.most, 0, "so many give anything")]
    may.finish(given, places)
    if not layer.pro_rata:
        lines.formula = "min(may_give, rest)"
        lines.value("rest", left, places, "of the position, before this one")
        lines.finish(taken, places, clause)
        return
    wanted = min(estate.rest, total)
    share = given * wanted // max(total, 1) // lot * lot
    lines.formula = "share + more"
    part = lines.step("share", "0")
    part.inputs.append(may)
    if total:
        # Shares are rounded to steps of size, then to lots.
        step_share = f"down(may_give * min(rest, all) / all, {places})"
        part.formula = f"down({step_share} / lot, 0) * lot"
        part.value("rest", estate.rest, places, "of the position")
        part.value("all", total, places, "that all may give")
        part.value("lot", lot, places)
    part.finish(share, places)
    lines.inputs.pop(0)
    lines.value("more", taken - share, places, "what roundings left, by rank")
    lines.finish(taken, places, clause)
