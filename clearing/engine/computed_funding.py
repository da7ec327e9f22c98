"""Funding that the rulebook computes: periods run, end, and are paid or compared."""

from fractions import Fraction

from clearing.engine.asset import Asset
from clearing.engine.content import Content
from clearing.engine.funding import Dues, exact_units, settle, truncated
from clearing.engine.funding_period import Ended, PriceOf
from clearing.engine.market import Market
from clearing.engine.step import Step, asset_of
from clearing.events.kinds import RATE_DECIMALS
from clearing.quantities import Rounding, divide, format_exact
from clearing.rulebook import Rulebook
from clearing.rulebook.funding import Sides


def run_period(market: Market, to: int) -> None:
    """Let a market's funding period run up to ``to``, before anything that it sees changes."""
    period = market.period
    if period is not None:
        period.advance(to, market.state in period.rule.pauses, price_of(market))


def price_of(market: Market) -> PriceOf:
    """Return what finds a role's price; where ``funding`` has none, it is the mark."""

    def find(role: str) -> int:
        if role == "mark":
            return market.mark
        if role == "funding":
            return market.price(role)
        return market.feed.values.get(role, 0)

    return find


def apply_sample(step: Step, content: Content) -> None:
    """Apply ``PremiumSampled``: it goes into the period that runs at its time."""
    market = step.book.markets[step.row.market]
    period = market.period
    if period is None or not period.rule.sampled:
        return
    run_period(market, step.row.occurred_at)
    period.sample(content.quantity)
    note_coming(step, market)


def settle_due(step: Step) -> None:
    """Pay or compare the periods whose time has come, by (due time, market ordinal)."""
    book = step.book
    due: list[tuple[int, int, Ended]] = []
    funded = [book.funded[ordinal] for ordinal in sorted(book.funded)]
    for market in funded:
        period = market.period
        if period is None:
            continue
        run_period(market, book.time)
        while period.ended and period.ended[0].stamp + period.rule.lag <= book.time:
            ended = period.ended.pop(0)
            due.append((ended.stamp + period.rule.lag, market.ordinal, ended))
    for _, ordinal, ended in sorted(due, key=lambda item: item[:2]):
        _conclude(step, book.markets[ordinal], ended)
    for market in funded:
        note_coming(step, market)


def _pay_ended(step: Step, market: Market) -> None:
    """Pay what a market's ended periods came to, whatever their lag."""
    run_period(market, step.row.occurred_at)
    period = market.period
    if period is not None:
        ended, period.ended = period.ended, []
        for one in ended:
            _conclude(step, market, one)


def pay_replaced(step: Step, asset: Asset, rulebook: Rulebook) -> None:
    """Pay what ended by rules that ``rulebook`` is about to replace, while they still hold."""
    for market in asset.markets:
        rule, period = rulebook.funding.get(market.ordinal), market.period
        if period is not None and (rule is None or rule.key != period.rule.key):
            _pay_ended(step, market)


def end_funding(step: Step, market: Market) -> None:
    """Pay what a market's ended periods came to, whatever their lag, and run none from now on."""
    _pay_ended(step, market)
    step.book.follow_funding(market, None, 0)
    note_coming(step, market)


def _conclude(step: Step, market: Market, ended: Ended) -> None:
    """State what came of a period, and settle it in derive mode unless its price is in doubt."""
    period, asset = market.period, asset_of(step, market)
    if period is None or asset.mode == "record":
        return
    rule = period.rule
    if ended.rate is None or ended.premium is None or ended.price is None:
        step.entries.append(("funding_computed", market.ordinal, ended.stamp, "0", "0", "no_price"))
        return
    rate = rule.for_interval(ended.rate) * 10**RATE_DECIMALS
    if asset.mode == "verify":
        status = "compared"
        period.compared = ended.rate
    else:
        status = "withheld" if market.feed.forbids("funding") else "settled"
    step.entries.append(
        (
            "funding_computed",
            market.ordinal,
            ended.stamp,
            _rate_text(ended.premium),
            _rate_text(ended.rate),
            status,
        )
    )
    if status != "settled":
        return
    dues = _dues(step, market, rule.sides, payment_of(market, ended))
    price = divide(ended.price.numerator, ended.price.denominator, Rounding.HALF_EVEN)
    settle(step, market, truncated(rate), price, rule.interval // 1_000_000, dues)


def payment_of(market: Market, ended: Ended) -> int:
    """Return what a unit of size pays for a period that ended, at index decimals."""
    period = market.period
    if period is None or ended.rate is None or ended.price is None:
        return 0
    spec = market.spec
    price = Fraction(ended.price, 10**spec.mark_decimals)
    multiplier = Fraction(spec.multiplier, 10**spec.multiplier_decimals)
    face = Fraction(multiplier, price) if spec.payoff == "inverse" else multiplier * price
    return period.rule.payment(ended.rate, face, market.index_decimals)


def _rate_text(rate: Fraction) -> str:
    return format_exact(truncated(rate * 10**RATE_DECIMALS), RATE_DECIMALS)


def _dues(step: Step, market: Market, sides: Sides | None, payment: int) -> Dues:
    """Return what a unit of each side pays, and what that leaves over."""
    if sides is None or not payment:
        return Dues(payment, payment)
    longs_pay = payment > 0
    pays = sides.long_pays if longs_pay else sides.short_pays
    receives = sides.short_receives if longs_pay else sides.long_receives
    paid, received = truncated(abs(payment) * pays), truncated(abs(payment) * receives)
    size = _side(market)
    most = _most(step, market, sides)
    if most is not None and size:
        received = min(received, (paid * size + most) // size)
    sign = 1 if longs_pay else -1
    long, short = (paid, received) if longs_pay else (received, paid)
    return Dues(sign * long, sign * short, (paid - received) * size, sides.residual)


def _side(market: Market) -> int:
    """Return the size of all longs, in steps: all shorts, the house's included, are as large."""
    sizes = [scope.positions[market.ordinal].size for scope in market.holders.values()]
    sizes += [position.size for position in market.houses.values()]
    return sum(size for size in sizes if size > 0)


def _most(step: Step, market: Market, sides: Sides) -> int | None:
    """Return the most that the residual account pays, at accrued decimals; None: any amount."""
    if sides.residual_share is None:
        return None
    cash = max(step.book.scope(sides.residual, market.asset).cash, 0)
    return exact_units(asset_of(step, market), market, truncated(cash * sides.residual_share))


def follow_funding(step: Step, asset: Asset) -> None:
    """Let an asset's markets go by the funding rules of its rulebook."""
    book, rulebook = step.book, asset.rulebook
    for market in asset.markets:
        rule = None if rulebook is None else rulebook.funding.get(market.ordinal)
        if market.state == "settled":
            rule = None
        run_period(market, step.row.occurred_at)
        book.follow_funding(market, rule, max(book.time, step.row.occurred_at))
        note_coming(step, market)


def note_coming(step: Step, market: Market) -> None:
    """Where margin looks at the funding to come, state it when it changes and have it tested."""
    period, asset = market.period, asset_of(step, market)
    rulebook = asset.rulebook
    coming = 0
    if period is not None and rulebook is not None and rulebook.margins_funding:
        coming = payment_of(market, period.conclude(price_of(market)))
    if coming != market.coming:
        market.coming = coming
        text = format_exact(coming, market.index_decimals)
        step.entries.append(("funding_coming", market.ordinal, text))
        step.touched.update({scope.key(): scope for scope in market.affected()})
