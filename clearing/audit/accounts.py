"""Accounts: as of a position, and as a story of equity against margin."""

from fractions import Fraction

from clearing.audit.load import Histories
from clearing.audit.moments import Moment
from clearing.audit.views import AccountView, PositionView, ScopeView, StoryPoint
from clearing.engine.asset import Asset
from clearing.engine.book import Book
from clearing.engine.forecast import forecast_of
from clearing.engine.liquidation_price import liquidation_price
from clearing.engine.market import Market
from clearing.engine.ratios import MarginFigures, Ratio, withdrawable
from clearing.engine.requirements import requirement_of
from clearing.engine.scope import Position, Scope
from clearing.engine.valuation import (
    accrued_funding,
    equity_of,
    measure,
    position_value,
    unrealised,
)
from clearing.events.fields import from_microseconds
from clearing.log import Connection
from clearing.quantities import Rounding, divide, format_exact, format_scaled
from clearing.rulebook import MAINTENANCE
from clearing.rulebook.alerts import DAY_SECONDS


def account(connection: Connection, name: str, moment: Moment) -> AccountView:
    """Return an account as it was. One that did not exist yet is an answer, not an error."""
    histories = Histories(connection, moment)
    ordinal = histories.registry.account_ordinals.get(name, 0)
    if not ordinal:
        return AccountView(name, "", "", False, moment.position, ())
    auctions = histories.open_auctions([ordinal])
    return _account_view(histories.book([ordinal]), ordinal, moment, auctions)


def accounts(connection: Connection, moment: Moment) -> list[AccountView]:
    """Return every account as it was, in order of opening."""
    histories = Histories(connection, moment)
    book = histories.book()
    count = histories.registry.counts()[3]
    everybody = list(range(1, count + 1))
    auctions = histories.open_auctions(everybody)
    return [_account_view(book, ordinal, moment, auctions) for ordinal in everybody]


def account_story(
    connection: Connection, name: str, asset: str, moment: Moment, points: int = 60
) -> list[StoryPoint]:
    """Return up to ``points`` moments of an account in one asset, evenly over its life so far.

    Its life begins with its first posting or position; every change of status is among the points.
    Empty if nothing ever happened to it.
    """
    histories = Histories(connection, moment)
    ordinal = histories.registry.account_ordinals.get(name, 0)
    asset_ordinal = histories.registry.asset_ordinals.get(asset, 0)
    if not ordinal or not asset_ordinal:
        return []
    story = []
    for position in _story_positions(histories, ordinal, asset_ordinal, points):
        at = Histories(connection, Moment(moment.generation, position), histories.registry)
        book = at.book([ordinal])
        scope = book.scope(ordinal, asset_ordinal)
        now = measure(book, scope)
        working = book.assets[asset_ordinal].working
        row = connection.execute(
            "SELECT occurred_at FROM clearing.log WHERE position = %s", (position,)
        ).fetchone()
        story.append(
            StoryPoint(
                position,
                from_microseconds(int(row[0]) if row else 0),
                format_exact(now.equity, working),
                format_exact(now.initial, working),
                format_exact(now.maintenance, working),
                scope.status,
            )
        )
    return story


def _story_positions(
    histories: Histories, account_ordinal: int, asset: int, points: int
) -> list[int]:
    found = histories.rows(
        "SELECT min(position) FROM {posting} WHERE ledger = 'account' AND ordinal = %(account)s"
        " AND asset = %(asset)s AND position <= %(position)s",
        ["posting"],
        account=account_ordinal,
        asset=asset,
    )
    if not found or found[0][0] is None:
        return []
    first, last = int(found[0][0]), histories.moment.position
    changes = histories.rows(
        "SELECT position FROM {transition} WHERE account = %(account)s AND asset = %(asset)s"
        " AND position <= %(position)s ORDER BY position DESC LIMIT %(points)s",
        ["transition"],
        account=account_ordinal,
        asset=asset,
        points=max(points // 2, 1),
    )
    chosen = {int(row[0]) for row in changes} | {first, last}
    even = max(points - len(chosen), 1)
    chosen |= {first + (last - first) * step // even for step in range(even)}
    return sorted(chosen)


def _account_view(
    book: Book, ordinal: int, moment: Moment, auctions: dict[tuple[int, int], int]
) -> AccountView:
    spec = book.registry.account(ordinal)
    scopes = [
        _scope_view(book, scope, auctions)
        for _, scope in sorted(book.scopes.items())
        if scope.account == ordinal
    ]
    return AccountView(
        spec.name, spec.account_class, spec.owner or "", True, moment.position, tuple(scopes)
    )


def _scope_view(book: Book, scope: Scope, auctions: dict[tuple[int, int], int]) -> ScopeView:
    asset = book.assets[scope.asset]
    working = asset.working
    now = measure(book, scope)
    gain = owed = 0
    positions = []
    for ordinal, position in sorted(scope.positions.items()):
        market = book.markets[ordinal]
        gain += unrealised(asset, market, position)
        owed += accrued_funding(market, position) * market.funding_lift
        ends_at = auctions.get((scope.account, ordinal))
        positions.append(_position_view(book, asset, market, scope, position, ends_at))
    own = equity_of(book, scope)
    figures = MarginFigures(book, scope, now)
    names = [] if scope.rules is None else scope.rules.levels
    return ScopeView(
        book.registry.asset(scope.asset).name,
        format_scaled(scope.cash, asset.decimals),
        format_scaled(book.balance("pending", scope.account, scope.asset), asset.decimals),
        format_exact(gain, working),
        format_exact(owed, working),
        format_exact(now.equity - own, working),
        format_exact(now.equity, working),
        format_exact(now.initial, working),
        format_exact(now.maintenance, working),
        {name: format_exact(now.asked(place), working) for place, name in enumerate(names)},
        {name: format_exact(now.counted(place), working) for place, name in enumerate(names)},
        format_scaled(withdrawable(book, scope), asset.decimals),
        format_exact(figures.free_margin, working),
        _ratio(figures.margin_level, 2, 100),
        _ratio(figures.margin_ratio) or ("none" if now.maintenance else ""),
        _ratio(figures.health_factor),
        _ratio(figures.collateralisation),
        _ratio(figures.effective_leverage) or ("none" if scope.positions else ""),
        scope.status,
        tuple(positions),
    )


def _ratio(ratio: Ratio | None, decimals: int = 6, times: int = 1) -> str:
    """Write a ratio, multiplied by ``times``, at so many decimals; nothing if there is none."""
    if ratio is None:
        return ""
    numerator, denominator = ratio
    scaled = divide(numerator * times * 10**decimals, denominator, Rounding.HALF_EVEN)
    return format_scaled(scaled, decimals)


def _liquidation_price(book: Book, scope: Scope, market: Market) -> str:
    if scope.rules is None or not market.mark:
        return ""
    price = liquidation_price(book, scope, market)
    if price is None:
        return "none"
    decimals = market.spec.mark_decimals
    scaled = divide(price.numerator * 10**decimals, price.denominator, Rounding.HALF_EVEN)
    return format_scaled(scaled, decimals)


def _forecast(book: Book, scope: Scope, market: Market) -> tuple[str, str, str]:
    """Write a position's distance, risk score and time to breach: rounded down, at 6 decimals."""
    alerts = None if scope.rules is None else scope.rules.alerts
    horizon, sigmas = (DAY_SECONDS, Fraction(1)) if alerts is None else alerts.forecast
    found = forecast_of(book, scope, market, horizon, sigmas)
    if found is None:
        return "", "", ""
    score = _fraction(found.risk_score)
    if found.distance is None:
        return "none", score, "none"
    return _fraction(found.distance), score, str(found.time_to_breach)


def _fraction(value: Fraction, decimals: int = 6) -> str:
    scaled = divide(value.numerator * 10**decimals, value.denominator, Rounding.DOWN)
    return format_scaled(scaled, decimals)


def _position_view(
    book: Book,
    asset: Asset,
    market: Market,
    scope: Scope,
    position: Position,
    ends_at: int | None,
) -> PositionView:
    spec, working = market.spec, asset.working
    entry = ""
    if position.cost:
        average = market.payoff.entry(position.size, position.cost)
        entry = format_scaled(divide(*average, Rounding.HALF_EVEN), spec.price_decimals)
    asked = requirement_of(book, scope, MAINTENANCE, market)
    return PositionView(
        spec.name,
        format_exact(position.size, spec.size_decimals),
        format_scaled(position.cost, asset.decimals),
        entry,
        position.entry == 1,
        format_scaled(market.mark, spec.mark_decimals) if market.mark else "",
        format_exact(abs(position_value(market, position)), working),
        format_exact(unrealised(asset, market, position), working),
        format_exact(accrued_funding(market, position) * market.funding_lift, working),
        format_exact(asked, working),
        _liquidation_price(book, scope, market),
        *_forecast(book, scope, market),
        None if ends_at is None else from_microseconds(ends_at),
    )
