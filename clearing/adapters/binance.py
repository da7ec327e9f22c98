"""Binance price bars and funding rates as CSV, several files of one run together.

Two shapes are told apart by their header: bars (market, time, mark_open, mark_high, mark_low,
mark_close) and funding (market, time, rate). A bar's ``time`` is its open. What happened inside a
bar is not in the file, so its four marks are spread over it on an assumed path, and the assumption
is part of every such event's external id. Bars of several markets that open together become one
mark event per step, so that a hedged account is tested with all its legs at once.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from clearing.adapters.base import (
    ImportOptions,
    Located,
    OptionRefused,
    Refusal,
    Setting,
    refuse,
    settle,
)
from clearing.adapters.fields import (
    FieldRefused,
    check_names,
    decimal_field,
    decimals_of,
    name_field,
    time_field,
)
from clearing.adapters.files import CsvRow, Line, read_lines, split_csv
from clearing.adapters.merge import Key, merge_key
from clearing.events import (
    AssetDeclared,
    FundingSettled,
    Marked,
    MarketDeclared,
    MarketPrice,
    SourceDeclared,
)
from clearing.events.kinds import RATE_DECIMALS
from clearing.events.registry import Registry

BAR_COLUMNS: Final = ("market", "time", "mark_open", "mark_high", "mark_low", "mark_close")
FUNDING_COLUMNS: Final = ("market", "time", "rate")
MAX_ROWS: Final = 1_000_000
"""The most rows of one run: they are sorted in memory."""

_MARK_DECIMALS: Final = 8
_ASSET_DECIMALS: Final = 8
_PATHS: Final = {
    "olhc": ("open", "low", "high", "close"),
    "ohlc": ("open", "high", "low", "close"),
}


@dataclass(slots=True)
class _Bar:
    file: int
    path: str
    line: int
    market: str
    at: datetime
    prices: dict[str, Decimal]


@dataclass(slots=True)
class _Rate:
    file: int
    path: str
    line: int
    market: str
    at: datetime
    rate: Decimal


class Binance:
    """The importer ``binance``."""

    name: Final = "binance"
    summary: Final = "Binance mark-price bars and funding rates (CSV), with a book beside them"
    settings: Final[Mapping[str, Setting]] = {
        "source": Setting("binance", (), "name of the source that the events belong to"),
        "asset": Setting("USDT", (), "the settlement asset of all markets"),
        "path": Setting("olhc", tuple(_PATHS), "the order of a bar's four marks (an assumption)"),
        "bar-seconds": Setting("3600", (), "length of a bar"),
        "funding-seconds": Setting("28800", (), "length of a funding interval"),
    }
    takes_book: Final = True

    def sniff(self, header: Sequence[str]) -> bool:
        """Return whether the header is the one of bars or of funding."""
        return set(header) in (set(BAR_COLUMNS), set(FUNDING_COLUMNS))

    def read(self, paths: Sequence[str], options: ImportOptions) -> Iterator[Located | Refusal]:
        """Yield refusals as met, then declarations, the book, and marks and funding interleaved."""
        settings = settle(self.name, self.settings, options.settings)
        bar_seconds = _seconds(settings, "bar-seconds", 4)
        funding_seconds = _seconds(settings, "funding-seconds", 1)
        check_names(self.name, settings, "source", "asset")
        return self._read(paths, settings, options, bar_seconds, funding_seconds)

    def _read(
        self,
        paths: Sequence[str],
        settings: Mapping[str, str],
        options: ImportOptions,
        bar_seconds: int,
        funding_seconds: int,
    ) -> Iterator[Located | Refusal]:
        bars: dict[tuple[str, datetime], _Bar] = {}
        rates: dict[tuple[str, datetime], _Rate] = {}
        for number, path in enumerate(paths):
            for item in _rows(number, path):
                if isinstance(item, Refusal):
                    yield item
                    continue
                table: dict[tuple[str, datetime], Any] = bars if isinstance(item, _Bar) else rates
                other = table.setdefault((item.market, item.at), item)
                if other is not item:
                    yield _again(item, other)
                elif len(bars) + len(rates) > MAX_ROWS:
                    yield refuse(path, item.line, f"more than {MAX_ROWS} rows; split the run")
                    return
        if not bars:
            for rate in rates.values():
                yield _unpriced(rate)
            return
        ordered = sorted(bars.values(), key=lambda bar: (bar.at, bar.file, bar.line))
        yield from _open(settings, ordered, options)
        timed = list(_marks(settings, ordered, bar_seconds))
        for result in _funding(settings, ordered, rates.values(), bar_seconds, funding_seconds):
            if isinstance(result, Refusal):
                yield result
            else:
                timed.append(result)
        timed.sort(key=lambda pair: pair[0])
        for _, located in timed:
            yield located


def _seconds(settings: Mapping[str, str], name: str, least: int) -> int:
    text = settings[name]
    if not (text.isascii() and text.isdigit() and len(text) <= 7 and int(text) >= least):
        raise OptionRefused(f"binance: {name}={text!r} is not a number of seconds from {least} on")
    return int(text)


def _rows(number: int, path: str) -> Iterator["_Bar | _Rate | Refusal"]:
    """Read one file of either shape."""
    header: list[str] | None = None
    for line in read_lines(path):
        if isinstance(line, Refusal):
            yield line
            if header is None:
                return
            continue
        try:
            fields = split_csv(line.text)
            if header is None:
                header = _known_header(fields)
                continue
            if len(fields) != len(header):
                reason = f"{len(fields)} fields where the header has {len(header)}"
                yield refuse(path, line.number, reason, raw=line.text)
                continue
            row = CsvRow(line.number, dict(zip(header, fields, strict=True)), line.text)
            yield _bar(number, path, row) if "mark_open" in row.fields else _rate(number, path, row)
        except FieldRefused as error:
            yield _refused(path, line, error)
        except ValueError as error:
            yield refuse(path, line.number, str(error), raw=line.text)
        if header is None:
            return
    if header is None:
        yield refuse(path, 0, f"is empty; it needs a header: {', '.join(BAR_COLUMNS)}")


def _refused(path: str, line: Line, error: FieldRefused) -> Refusal:
    return refuse(
        path, line.number, error.reason, field=error.field, value=error.value, raw=line.text
    )


def _known_header(fields: list[str]) -> list[str]:
    for columns in (BAR_COLUMNS, FUNDING_COLUMNS):
        if set(fields) == set(columns) and len(fields) == len(columns):
            return fields
    raise FieldRefused(
        "header",
        ",".join(fields),
        f"the header is neither {','.join(BAR_COLUMNS)} nor {','.join(FUNDING_COLUMNS)}",
    )


def _bar(number: int, path: str, row: CsvRow) -> _Bar:
    fields = row.fields
    prices = {}
    for step in _PATHS["olhc"]:
        name = f"mark_{step}"
        prices[step] = decimal_field(name, fields[name], positive=True)
    for step in ("open", "close"):
        if not prices["low"] <= prices[step] <= prices["high"]:
            raise FieldRefused(
                f"mark_{step}",
                fields[f"mark_{step}"],
                f"{prices[step]} does not lie between low {prices['low']} and high"
                f" {prices['high']}",
            )
    market = name_field("market", fields["market"])
    return _Bar(number, path, row.number, market, time_field("time", fields["time"]), prices)


def _rate(number: int, path: str, row: CsvRow) -> _Rate:
    rate = decimal_field("rate", row.fields["rate"])
    if decimals_of(rate) > RATE_DECIMALS:
        raise FieldRefused(
            "rate", row.fields["rate"], f"{rate} has more than {RATE_DECIMALS} decimals"
        )
    market = name_field("market", row.fields["market"])
    at = time_field("time", row.fields["time"])
    return _Rate(number, path, row.number, market, at, rate)


def _again(item: "_Bar | _Rate", other: "_Bar | _Rate") -> Refusal:
    return refuse(
        item.path,
        item.line,
        f"{item.market} at {_iso(item.at)} stands at {other.path}:{other.line} already",
        field="time",
        value=_iso(item.at),
    )


def _unpriced(rate: _Rate) -> Refusal:
    return refuse(
        rate.path,
        rate.line,
        f"no mark of {rate.market} at or before {_iso(rate.at)} in these files, so the payment has"
        " no price; give the file with its bars too",
        field="time",
        value=_iso(rate.at),
    )


def _iso(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def _open(
    settings: Mapping[str, str], bars: list[_Bar], options: ImportOptions
) -> Iterator[Located]:
    """Declare the source, the asset, the markets, and let the book open its accounts."""
    first = bars[0]
    known = options.registry or Registry()
    base: dict[str, Any] = {"source": settings["source"], "occurred_at": first.at}
    if settings["source"] not in known.source_ordinals:
        source = SourceDeclared(
            **base,
            external_id=f"source:{settings['source']}",
            name=settings["source"],
            description=f"Binance mark-price bars, each as four marks"
            f" {'-'.join(_PATHS[settings['path']])} spread over the bar (assumed), and funding",
        )
        yield Located(source, first.path, first.line)
    if settings["asset"] not in known.asset_ordinals:
        asset = AssetDeclared(
            **base,
            external_id=f"asset:{settings['asset']}",
            name=settings["asset"],
            decimals=_ASSET_DECIMALS,
        )
        yield Located(asset, first.path, first.line)
    markets = []
    for bar, decimals in _markets(bars):
        market = _market(base, settings["asset"], bar, decimals)
        markets.append((market, bar.prices["open"]))
        if bar.market not in known.market_ordinals:
            yield Located(market, bar.path, bar.line)
    if options.book is not None:
        for event in options.book(markets, first.at):
            yield Located(event, first.path, first.line)


def _markets(bars: list[_Bar]) -> list[tuple[_Bar, int]]:
    """Return each market's first bar and the decimals that its marks need."""
    first: dict[str, _Bar] = {}
    decimals: dict[str, int] = defaultdict(int)
    for bar in bars:
        first.setdefault(bar.market, bar)
        needed = max(decimals_of(price) for price in bar.prices.values())
        decimals[bar.market] = max(decimals[bar.market], needed)
    return [(bar, decimals[market]) for market, bar in first.items()]


def _market(base: dict[str, Any], asset: str, bar: _Bar, decimals: int) -> MarketDeclared:
    """Declare a market: marks as fine as the file's, trading scales by the size of its price.

    The file has no trades; the scales of prices and sizes are this adapter's choice.
    """
    opening = bar.prices["open"]
    price, size = (2, 3) if opening >= 100 else (4, 1) if opening >= Decimal("0.1") else (7, 0)
    return MarketDeclared(
        **base,
        external_id=f"market:{bar.market}",
        name=bar.market,
        settlement_asset=asset,
        lot=Decimal(1).scaleb(-size),
        price_decimals=price,
        mark_decimals=max(_MARK_DECIMALS, decimals),
        size_decimals=size,
    )


def _marks(
    settings: Mapping[str, str], bars: list[_Bar], seconds: int
) -> Iterator[tuple[Key, Located]]:
    together: dict[datetime, list[_Bar]] = defaultdict(list)
    for bar in bars:
        together[bar.at].append(bar)
    path = settings["path"]
    for at, group in together.items():
        names = ",".join(sorted(bar.market for bar in group))
        which = hashlib.sha256(names.encode()).hexdigest()[:8]
        for quarter, step in enumerate(_PATHS[path]):
            event = Marked(
                source=settings["source"],
                external_id=f"assumed-{path}:{_iso(at)}:{quarter}-{step}:{which}",
                occurred_at=at + _quarter(seconds, quarter),
                marks=tuple(
                    MarketPrice(market=bar.market, price=bar.prices[step]) for bar in group
                ),
            )
            key = merge_key(event, group[0].file, group[0].line)
            yield key, Located(event, group[0].path, group[0].line)


def _quarter(seconds: int, quarter: int) -> timedelta:
    return timedelta(microseconds=seconds * 1_000_000 * quarter // 4)


def _funding(
    settings: Mapping[str, str],
    bars: list[_Bar],
    rates: "Sequence[_Rate] | Any",
    bar_seconds: int,
    funding_seconds: int,
) -> Iterator["tuple[Key, Located] | Refusal"]:
    """Settle each rate at the last mark of its market at or before its time."""
    steps = _PATHS[settings["path"]]
    path: dict[str, list[tuple[datetime, Decimal]]] = defaultdict(list)
    for bar in bars:
        for quarter, step in enumerate(steps):
            path[bar.market].append((bar.at + _quarter(bar_seconds, quarter), bar.prices[step]))
    reached: dict[str, int] = defaultdict(int)
    for marks in path.values():
        marks.sort(key=lambda mark: mark[0])
    for rate in sorted(rates, key=lambda rate: (rate.at, rate.file, rate.line)):
        marks = path[rate.market]
        here = reached[rate.market]
        while here < len(marks) and marks[here][0] <= rate.at:
            here += 1
        reached[rate.market] = here
        if here == 0:
            yield _unpriced(rate)
            continue
        event = FundingSettled(
            source=settings["source"],
            external_id=f"funding:{rate.market}:{_iso(rate.at)}",
            occurred_at=rate.at,
            market=rate.market,
            rate=rate.rate,
            price=marks[here - 1][1],
            interval_seconds=funding_seconds,
        )
        yield merge_key(event, rate.file, rate.line), Located(event, rate.path, rate.line)


BINANCE: Final = Binance()
