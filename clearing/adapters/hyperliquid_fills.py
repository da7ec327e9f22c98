"""Hyperliquid's node fills, both sides of every trade, as CSV.

Each row is one side. What the ledger does not know before the file (accounts, markets, tokens,
positions) is declared at the time of the first row, the rest follows row by row. Scales are
derived from the file's own values: sizes and fees get the decimals that they need, and a perpetual
has six minus its size decimals for prices, by the venue's rule.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, NamedTuple

from clearing.adapters.base import ImportOptions, Located, Refusal, Setting, refuse, settle
from clearing.adapters.fields import (
    FieldRefused,
    check_names,
    decimals_of,
)
from clearing.adapters.files import CsvRow, read_csv
from clearing.adapters.hyperliquid_node import (
    COLUMNS,
    SETTLEMENT,
    NodeFill,
    is_node_fills,
    is_spot,
    market_of,
    node_fill,
)
from clearing.events import (
    AccountOpened,
    AssetDeclared,
    Filled,
    Marked,
    MarketDeclared,
    MarketPrice,
    PositionCarried,
    SourceDeclared,
)
from clearing.events.fields import to_microseconds
from clearing.events.registry import Registry
from clearing.quantities import MAX_DECIMALS

MAX_ROWS: Final = 2_000_000
"""The most rows of one run: they are sorted in memory."""

_PERPETUAL_DECIMALS: Final = 6  # size and price decimals of a perpetual together
_SPOT_DECIMALS: Final = 8


class _Row(NamedTuple):
    """A row that could be read: ``number`` is the place of its file in the run."""

    number: int
    path: str
    line: int
    market: str
    spot: bool
    fill: NodeFill


class HyperliquidFills:
    """The importer ``hyperliquid-fills``."""

    name: Final = "hyperliquid-fills"
    summary: Final = (
        "Hyperliquid node fills (CSV, both sides of each trade): fills, fees, carried positions"
    )
    settings: Final[Mapping[str, Setting]] = {
        "source": Setting("hyperliquid", (), "name of the source that the events belong to"),
        "spot": Setting(
            "fold",
            ("fold", "refuse"),
            "spot coins: fold them as holdings valued in USDC, or refuse their rows",
        ),
        "carry": Setting(
            "yes",
            ("yes", "no"),
            "carry in positions that exist before the files; no, when the ledger has them already",
        ),
    }
    takes_book: Final = False

    def sniff(self, header: Sequence[str]) -> bool:
        """Return whether the header names the columns that only this format has."""
        return is_node_fills(set(header))

    def read(self, paths: Sequence[str], options: ImportOptions) -> Iterator[Located | Refusal]:
        """Yield refusals as met, then declarations, carried positions and fills in file order."""
        settings = settle(self.name, self.settings, options.settings)
        check_names(self.name, settings, "source")
        return self._read(paths, settings, options.registry)

    def _read(
        self, paths: Sequence[str], settings: Mapping[str, str], registry: Registry | None
    ) -> Iterator[Located | Refusal]:
        source = settings["source"]
        rows: list[_Row] = []
        for number, path in enumerate(paths):
            for item in read_csv(path, COLUMNS):
                parsed = item if isinstance(item, Refusal) else _parse(item, number, path, settings)
                if isinstance(parsed, Refusal):
                    yield parsed
                elif len(rows) >= MAX_ROWS:
                    yield refuse(path, parsed.line, f"more than {MAX_ROWS} rows; split the run")
                    return
                else:
                    rows.append(parsed)
        if not rows:
            return
        # Stable: rows of one moment keep the order of files and lines.
        rows.sort(key=lambda row: (to_microseconds(row.fill.at), row.number, row.line))
        yield from _declare(source, rows, registry)
        if settings["carry"] == "yes":
            yield from _carry(source, rows)
        yield from _fills(source, rows)


def _parse(row: CsvRow, number: int, path: str, settings: Mapping[str, str]) -> "_Row | Refusal":
    try:
        market, spot = _market(row.fields["coin"], settings["spot"])
        return _Row(number, path, row.number, market, spot, node_fill(row.fields))
    except FieldRefused as error:
        return refuse(
            path, row.number, error.reason, field=error.field, value=error.value, raw=row.raw
        )


def _market(coin: str, spot: str) -> tuple[str, bool]:
    """Return the market's name for ``coin`` and whether it is spot."""
    if is_spot(coin) and spot == "refuse":
        raise FieldRefused("coin", coin, f"{coin[:60]!r} is spot, and spot was to be refused")
    return market_of(coin), is_spot(coin)


@dataclass(slots=True)
class _Scales:
    """The decimals that a market's own values need."""

    spot: bool
    size: int = 0
    traded: int = 0
    price: int = 0
    mark: int = 0

    def see(self, row: _Row) -> None:
        before = decimals_of(row.fill.before)
        self.traded = max(self.traded, decimals_of(row.fill.size))
        self.size = max(self.size, decimals_of(row.fill.size), before)
        if before <= self.total:
            # Beyond the venue's bound it is noise of the feed: kept as told, no sign of a scale.
            self.traded = max(self.traded, before)
        self.price = max(self.price, decimals_of(row.fill.price))
        if row.fill.mark is not None:
            self.mark = max(self.mark, decimals_of(row.fill.mark))

    @property
    def total(self) -> int:
        return _SPOT_DECIMALS if self.spot else _PERPETUAL_DECIMALS

    @property
    def price_decimals(self) -> int:
        """The venue's rule for perpetuals; for spot, whose balances have more, what is needed."""
        return self.price if self.spot else max(self.price, self.total - self.traded)


def _declare(source: str, rows: list[_Row], registry: Registry | None) -> Iterator[Located]:
    """Declare what the rows name and ``registry`` does not know, in order of appearance."""
    at = rows[0].fill.at
    scales: dict[str, _Scales] = {}
    tokens: dict[str, int] = {SETTLEMENT: _PERPETUAL_DECIMALS}
    users: dict[str, _Row] = {}
    first: dict[str, _Row] = {}
    for row in rows:
        scales.setdefault(row.market, _Scales(row.spot)).see(row)
        tokens[row.fill.token] = max(tokens.get(row.fill.token, 0), decimals_of(row.fill.fee))
        cash = max(decimals_of(row.fill.price * row.fill.size), decimals_of(row.fill.pnl))
        tokens[SETTLEMENT] = max(tokens[SETTLEMENT], min(cash, MAX_DECIMALS))
        users.setdefault(row.fill.user, row)
        first.setdefault(f"market {row.market}", row)
        first.setdefault(f"asset {row.fill.token}", row)
    base: dict[str, Any] = {"source": source, "occurred_at": at}
    known = registry or Registry()
    if source not in known.source_ordinals:
        event = SourceDeclared(
            **base,
            external_id=f"source:{source}",
            name=source,
            description="Fills as Hyperliquid's nodes write them, both sides of each trade",
        )
        yield _at(rows[0], event)
    for token, decimals in tokens.items():
        if token not in known.asset_ordinals:
            asset = AssetDeclared(
                **base, external_id=f"asset:{token}", name=token, decimals=decimals
            )
            yield _at(first.get(f"asset {token}", rows[0]), asset)
    for market, scale in scales.items():
        if market not in known.market_ordinals:
            declared = MarketDeclared(
                **base,
                external_id=f"market:{market}",
                name=market,
                settlement_asset=SETTLEMENT,
                lot=Decimal(1).scaleb(-scale.size),
                price_decimals=scale.price_decimals,
                mark_decimals=max(scale.total, scale.mark, scale.price),
                size_decimals=scale.size,
            )
            yield _at(first[f"market {market}"], declared)
    for user, row in users.items():
        if user not in known.account_ordinals:
            opened = AccountOpened(**base, external_id=f"account:{user}", account=user)
            yield _at(row, opened)


def _carry(source: str, rows: list[_Row]) -> Iterator[Located]:
    """Carry in each position that its account's first row in a market says it had."""
    seen = set()
    for row in rows:
        if (row.fill.user, row.market) in seen:
            continue
        seen.add((row.fill.user, row.market))
        if row.fill.before:
            carried = PositionCarried(
                source=source,
                external_id=_short(f"carried:{row.market}:{row.fill.user}"),
                occurred_at=rows[0].fill.at,
                account=row.fill.user,
                market=row.market,
                size=row.fill.before,
            )
            yield _at(row, carried)


def _fills(source: str, rows: list[_Row]) -> Iterator[Located]:
    marked = set()
    for row in rows:
        if row.fill.mark is not None and row.fill.trade not in marked:
            # What the venue liquidated at stands before what it did, so that it can be tested.
            marked.add(row.fill.trade)
            mark = Marked(
                source=source,
                external_id=f"{row.fill.trade}:mark",
                occurred_at=row.fill.at,
                marks=(MarketPrice(market=row.market, price=row.fill.mark),),
            )
            yield _at(row, mark)
        fill = Filled.model_validate(
            {
                "source": source,
                "external_id": f"{row.fill.trade}:{'B' if row.fill.buys else 'A'}:{row.fill.user}",
                "occurred_at": row.fill.at,
                "account": row.fill.user,
                "market": row.market,
                "side": "buy" if row.fill.buys else "sell",
                "size": row.fill.size,
                "price": row.fill.price,
                "fee": row.fill.fee,
                "fee_asset": row.fill.token,
                "trade_id": row.fill.trade,
                "cause": row.fill.cause,
                "method": row.fill.method
                if row.fill.cause == "liquidation" and row.fill.method
                else None,
                "reported_size_before": row.fill.before,
                "reported_pnl": row.fill.pnl,
            }
        )
        yield _at(row, fill)


def _short(identifier: str) -> str:
    """Return ``identifier``, or what its digest makes of it where it is too long for one."""
    if len(identifier) <= 128:
        return identifier
    return f"{identifier[:95]}:{hashlib.sha256(identifier.encode()).hexdigest()[:32]}"


def _at(row: _Row, event: Any) -> Located:
    return Located(event, row.path, row.line)


HYPERLIQUID_FILLS: Final = HyperliquidFills()
