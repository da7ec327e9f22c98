"""Prices by role: trees evaluated when something is observed, and what follows from their values.

A tree's mark is set like a recorded one, before anything is tested. What a mark in doubt may not be
used for is withheld until the doubt is gone.
"""

from clearing.engine.asset import Asset
from clearing.engine.breakers import change_state
from clearing.engine.computed_funding import note_coming, run_period
from clearing.engine.content import Content
from clearing.engine.feed import VALID
from clearing.engine.impact import note_previous_mark, shifted
from clearing.engine.market import Market
from clearing.engine.positions import price_pending
from clearing.engine.reading import Reading
from clearing.engine.scope import Scope
from clearing.engine.step import Step
from clearing.quantities import divide, format_exact
from clearing.rulebook import RATE_SCALE
from clearing.rulebook.prices import PRICE_LIFT, PricePolicy


def observe_price(step: Step, content: Content) -> None:
    """Apply ``PriceObserved``: remember it, and have the market's trees evaluated."""
    row = step.row
    market = step.book.markets[row.market]
    role = content.text("role")
    if market.feed.observe(row.source, role, content.price, row.occurred_at):
        step.repriced[market.ordinal] = market


def mark_told(step: Step, market: Market, price: int, amended: int | None) -> None:
    """Apply one recorded mark: set it as it is, or let the tree that filters it set the mark.

    An older mark than the present one takes no effect; nor does a correction (``amended``: the
    position of what it corrects) of any but the present one.
    """
    row, feed = step.row, market.feed
    policy = feed.policy
    derives = policy is not None and step.book.assets[market.asset].mode == "derive"
    filtered = policy is not None and policy.filters and derives
    since = feed.last_mark[1] if filtered and feed.last_mark else market.mark_time
    effective = row.occurred_at >= since
    if amended is not None:
        effective = effective and amended == market.mark_position
    if policy is None:
        if effective:
            market.mark_time = row.occurred_at
            set_mark(step, market, price)
        else:
            step.entries.append(("mark", market.ordinal, price, 0))
        return
    if effective:
        check_recorded(step, market, price)
        feed.record(price, row.occurred_at)
        step.repriced[market.ordinal] = market
        market.mark_position = row.position
        if derives and not filtered:
            effective = "value" not in policy.uses_forbidden(_status(market, policy, price))
    if effective and not filtered:
        market.mark_time = row.occurred_at
        set_mark(step, market, price)
    else:
        step.entries.append(("mark", market.ordinal, price, 0))


def set_mark(step: Step, market: Market, price: int) -> None:
    """Value the market at a mark that takes effect now; who is concerned is tested later."""
    run_period(market, step.row.occurred_at)
    if market.pending:
        price_pending(step, market, price, market.spec.mark_decimals)
    mark = shifted(step, market, price)
    step.entries.append(("mark", market.ordinal, mark, 1))
    note_previous_mark(step, market)
    market.set_mark(mark)
    market.mark_position = step.row.position


def reprice_timed(step: Step) -> None:
    """Have the trees evaluated that time alone may change, now that fold time has moved."""
    for market in step.book.priced.values():
        policy = market.feed.policy
        if policy is not None and policy.timed:
            market.feed.now = max(market.feed.now, step.book.time)
            step.repriced[market.ordinal] = market


def evaluate(step: Step) -> None:
    """Evaluate the trees of every market of which something was observed, in order of ordinal."""
    repriced = step.repriced
    step.repriced = {}
    for ordinal in sorted(repriced):
        market = repriced[ordinal]
        policy = market.feed.policy
        if policy is not None:
            _evaluate(step, market, policy)


def _evaluate(step: Step, market: Market, policy: PricePolicy) -> None:
    run_period(market, step.row.occurred_at)
    feed = market.feed
    reading = Reading(feed)
    before = feed.values
    feed.values = values = {}
    for role, tree in policy.nodes:
        value = tree.value(reading)
        price = 0 if value is None else divide(value, PRICE_LIFT, policy.rounding)
        if value is None or price <= 0:
            continue
        reading.put(role, value)
        values[role] = price
    for role, _ in policy.nodes:
        price = values.get(role, 0)
        if price != before.get(role, 0):
            step.entries.append(("price", market.ordinal, role, price))
    _take_mark(step, market, policy)
    _note_status(step, market, _status(market, policy, market.mark))
    if values.get("collateral") != before.get("collateral"):
        _test(step, market.secured)
    note_coming(step, market)
    if values.get("trigger") != before.get("trigger"):
        due = {a: scope for a, scope in market.holders.items() if scope.status == "liquidation"}
        _test(step, due)


def _take_mark(step: Step, market: Market, policy: PricePolicy) -> None:
    """Let the tree's mark be the market's, in derive mode and unless it is in too great doubt.

    A recorded mark that was taken as it is stands until the tree has another value.
    """
    price = market.feed.values.get("mark")
    if price is None or step.book.assets[market.asset].mode != "derive":
        return
    if "value" in policy.uses_forbidden(_status(market, policy, price)):
        return
    if price != market.feed.taken:
        market.feed.taken = price
        if price != market.quoted:
            set_mark(step, market, price)
    if price == market.quoted:
        market.mark_time = market.feed.now


def _status(market: Market, policy: PricePolicy, mark: int) -> str:
    """Return the state of ``mark``: the first doubt that applies."""
    feed = market.feed
    if policy.makes_mark and "mark" not in feed.values:
        return "missing"
    if policy.stale is not None and mark and feed.now - market.mark_time > policy.stale:
        return "stale"
    reference = feed.values.get(policy.reference)
    if policy.divergence is not None and reference is not None and mark:
        away = abs(mark - reference) * RATE_SCALE
        if away > policy.divergence * reference:
            return "divergent"
    return VALID


def _note_status(step: Step, market: Market, status: str) -> None:
    """Enter a new state of the price, and have tested whom it may set free or hold."""
    if status == market.feed.status:
        return
    market.feed.status = status
    step.entries.append(("price_status", market.ordinal, status))
    _test(step, market.holders)


def _test(step: Step, scopes: dict[int, Scope]) -> None:
    step.touched.update({scope.key(): scope for scope in scopes.values()})


def check_recorded(step: Step, market: Market, price: int) -> None:
    """In verify mode, compare a recorded mark with the tree's."""
    derived = market.feed.values.get("mark")
    if step.book.assets[market.asset].mode != "verify" or derived is None or derived == price:
        return
    decimals = market.spec.mark_decimals
    step.deviation(
        "mark_mismatch",
        market=market.ordinal,
        asset=market.asset,
        expected=format_exact(derived, decimals),
        found=format_exact(price, decimals),
    )


def follow_policies(step: Step, asset: Asset) -> None:
    """Point an asset's markets at the price policies of its rulebook, and have them evaluated."""
    book, rulebook = step.book, asset.rulebook
    for market in asset.markets:
        policy = None if rulebook is None else rulebook.prices.get(market.ordinal)
        feed = market.feed
        if feed.policy is None and policy is None:
            continue
        if feed.policy is None and market.mark:
            feed.last_mark = (market.mark, market.mark_time)
            feed.now = max(feed.now, market.mark_time)
        book.follow_prices(market, policy)
        breaks = asset.mode == "derive" and policy is not None and bool(policy.breakers)
        if market.resumes_at and not breaks:
            change_state(step, market, "normal")
        feed.now = max(feed.now, book.time)
        step.repriced[market.ordinal] = market
        _test(step, market.holders)
