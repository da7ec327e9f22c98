"""Accounts: as of a position, and as a story of equity against margin."""

from fractions import Fraction

from clearing.audit.load import Histories
from clearing.audit.moments import Moment
from clearing.audit.refold import Progress, refold
from clearing.audit.views import AccountView, MarginCallView, PositionView, ScopeView, StoryPoint
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
from clearing.events import Registry
from clearing.events.fields import from_microseconds
from clearing.log import Connection
from clearing.quantities import Rounding, divide, format_exact, format_scaled
from clearing.rulebook import MAINTENANCE
from clearing.rulebook.alerts import DAY_SECONDS


def account(
    connection: Connection, name: str, moment: Moment, progress: Progress | None = None
) -> AccountView:
    """Return an account as it was. One that did not exist yet is an answer, not an error."""
    if moment.reordered is not None:
        book = refold(connection, moment, progress).book
        registry = book.registry
    else:
        histories = Histories(connection, moment)
        registry = histories.registry
    ordinal = registry.account_ordinals.get(name, 0)
    if not ordinal:
        return AccountView(name, "", "", False, moment.position, (), reordered=moment.reordered)
    family = _families(registry)
    if moment.reordered is None:
        book = histories.book(_members(family, ordinal))
    return account_view(book, ordinal, moment, family)


def accounts(
    connection: Connection, moment: Moment, progress: Progress | None = None
) -> list[AccountView]:
    """Return every account as it was, in order of opening; ``parts`` are left out of each."""
    if moment.reordered is not None:
        book = refold(connection, moment, progress).book
    else:
        book = Histories(connection, moment).book()
    count = book.registry.counts()[3]
    scopes = _scopes_by_account(book)
    return [
        account_view(book, ordinal, moment, {}, scopes.get(ordinal, []))
        for ordinal in range(1, count + 1)
    ]


Family = dict[int, list[int]]
"""The accounts that name an account as their parent, by its ordinal."""


def _families(registry: Registry) -> Family:
    family: Family = {}
    for ordinal in range(1, registry.counts()[3] + 1):
        parent = registry.account(ordinal).parent
        if parent:
            family.setdefault(parent, []).append(ordinal)
    return family


def _members(family: Family, ordinal: int) -> list[int]:
    """Return an account and all that are below it."""
    found = [ordinal]
    for part in family.get(ordinal, ()):
        found += _members(family, part)
    return found


def _scopes_by_account(book: Book) -> dict[int, list[Scope]]:
    """Return each account's scopes in order of asset, those of pending deposits alone included."""
    for kind, ordinal, asset in list(book.balances):
        if kind == "pending":
            book.scope(ordinal, asset)
    found: dict[int, list[Scope]] = {}
    for (ordinal, _), scope in sorted(book.scopes.items()):
        found.setdefault(ordinal, []).append(scope)
    return found


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


def account_view(
    book: Book,
    ordinal: int,
    moment: Moment,
    family: Family,
    scopes: list[Scope] | None = None,
) -> AccountView:
    """Return what a book says of an account, and of those below it by ``family``."""
    registry = book.registry
    spec = registry.account(ordinal)
    if scopes is None:
        scopes = _scopes_by_account(book).get(ordinal, [])
    return AccountView(
        spec.name,
        spec.account_class,
        spec.owner or "",
        True,
        moment.position,
        tuple(_scope_view(book, scope) for scope in scopes),
        registry.account(spec.parent).name if spec.parent else "",
        tuple(registry.market(market).name for market in spec.isolates),
        tuple(account_view(book, part, moment, family) for part in family.get(ordinal, ())),
        moment.reordered,
    )


def rulebook_name(asset: Asset) -> str:
    """Return the rulebook in force for an asset as ``name@version``; nothing without one."""
    rulebook = asset.rulebook
    return "" if rulebook is None else f"{rulebook.name}@{rulebook.version}"


def _call_view(scope: Scope, asset: Asset) -> MarginCallView | None:
    call = scope.call
    if call is None:
        return None
    due = format_scaled(call.amount, asset.decimals)
    return MarginCallView(due, call.level, from_microseconds(call.due_at), call.missed)


def _scope_view(book: Book, scope: Scope) -> ScopeView:
    asset = book.assets[scope.asset]
    working = asset.working
    now = measure(book, scope)
    gain = owed = 0
    positions = []
    for ordinal, position in sorted(scope.positions.items()):
        market = book.markets[ordinal]
        gain += unrealised(asset, market, position)
        owed += accrued_funding(market, position) * market.funding_lift
        positions.append(position_view(book, asset, market, scope, position))
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
        _call_view(scope, asset),
        rulebook_name(asset),
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


def position_view(
    book: Book, asset: Asset, market: Market, scope: Scope, position: Position
) -> PositionView:
    """Return what a book says of one position of a scope."""
    spec, working = market.spec, asset.working
    auction = scope.auctions.get(market.ordinal)
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
        None if auction is None else from_microseconds(auction.ends_at),
    )
