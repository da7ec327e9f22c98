"""Hyperliquid's fills: the real file against a plain count, and made-up rows."""

import csv
import gzip
from collections import Counter, defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearing.adapters import IMPORTERS, ImportOptions, Located, OptionRefused, Refusal
from clearing.adapters.hyperliquid_node import COLUMNS
from clearing.engine import ENTRY_FIELDS, Engine
from clearing.events import (
    AccountOpened,
    AssetDeclared,
    Deposited,
    EventRow,
    Filled,
    Marked,
    MarketDeclared,
    PositionCarried,
    Registry,
    RulebookAdopted,
    SourceDeclared,
    encode,
)
from clearing.events.kinds import REGISTRY_KINDS
from clearing.rulebook.presets import PRESETS, Names

IMPORTER = IMPORTERS["hyperliquid-fills"]
FILE = "data/trades/hyperliquid_node_fills_20251027_a.csv.gz"
ROW = {
    "block_number": "777010829",
    "block_time": "2025-10-27T16:59:59.797563798",
    "user": "hl-a",
    "coin": "ETH",
    "side": "B",
    "px": "4215.9",
    "sz": "0.3565",
    "time_ms": "1761584399797",
    "start_position": "0.0",
    "dir": "Open Long",
    "closed_pnl": "0.0",
    "fee": "0.676335",
    "fee_token": "USDC",
    "crossed": "True",
    "tid": "517184473251884",
    "liq_user": "",
    "liq_mark": "",
    "liq_method": "",
}


def read(*paths: Path, **settings: str) -> list[Located | Refusal]:
    return list(IMPORTER.read([str(path) for path in paths], ImportOptions(settings)))


def made(path: Path, *rows: dict[str, str]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows({**ROW, **row} for row in rows)
    return path


def of(kind: type, items: list[Located | Refusal]) -> list[Any]:
    return [i.event for i in items if isinstance(i, Located) and isinstance(i.event, kind)]


def stored(items: list[Located | Refusal]) -> tuple[list[EventRow], Registry]:
    registry = Registry()
    rows: list[EventRow] = []
    for item in items:
        assert isinstance(item, Located), item
        row = encode(item.event, registry)
        row.position = len(rows) + 1
        if row.kind in REGISTRY_KINDS:
            registry.apply(row)
        rows.append(row)
    return rows, registry


@pytest.fixture(scope="module")
def file(shared_data: Path) -> Path:
    return shared_data / FILE


@pytest.fixture(scope="module")
def raw(file: Path) -> list[dict[str, str]]:
    with gzip.open(file, "rt", newline="") as opened:
        return list(csv.DictReader(opened))


@pytest.fixture(scope="module")
def real(file: Path) -> list[Located | Refusal]:
    return read(file)


def test_every_row_of_the_real_file_is_a_fill(
    real: list[Located | Refusal], raw: list[dict[str, str]]
) -> None:
    fills = of(Filled, real)
    assert len(fills) == len(raw) == 3556
    assert not [item for item in real if isinstance(item, Refusal)]
    for fill, row in zip(fills, raw, strict=True):
        assert fill.account == row["user"]
        assert fill.market.removeprefix("spot:") == row["coin"]
        assert fill.side == {"B": "buy", "A": "sell"}[row["side"]]
        assert (fill.size, fill.price) == (Decimal(row["sz"]), Decimal(row["px"]))
        assert (fill.fee, fill.fee_asset) == (Decimal(row["fee"]), row["fee_token"])
        assert fill.trade_id == row["tid"]
        assert fill.reported_size_before == Decimal(row["start_position"])
        assert fill.reported_pnl == Decimal(row["closed_pnl"])
        assert fill.occurred_at.isoformat().startswith(row["block_time"][:26])
    assert len({fill.external_id for fill in fills}) == len(fills)


def test_both_sides_of_every_real_trade_are_there(real: list[Located | Refusal]) -> None:
    trades = defaultdict(list)
    for fill in of(Filled, real):
        trades[fill.trade_id].append((fill.market, fill.size, fill.price, fill.side))
    assert len(trades) == 1778
    for sides in trades.values():
        (market, size, price, one), (*other, two) = sides
        assert [market, size, price] == other
        assert {one, two} == {"buy", "sell"}


def test_positions_from_before_the_real_file_are_carried_in_once(
    real: list[Located | Refusal], raw: list[dict[str, str]]
) -> None:
    first: dict[tuple[str, str], str] = {}
    for row in raw:
        first.setdefault((row["user"], row["coin"]), row["start_position"])
    expected = {key: Decimal(size) for key, size in first.items() if Decimal(size)}
    carried = of(PositionCarried, real)
    assert {(c.account, c.market.removeprefix("spot:")): c.size for c in carried} == expected
    assert len(carried) == len(expected) == 1199
    assert all(c.entry_price is None for c in carried)
    kinds = [type(item.event) for item in real if isinstance(item, Located)]
    assert kinds.index(Filled) > max(i for i, kind in enumerate(kinds) if kind is PositionCarried)


def test_what_the_real_file_declares(
    real: list[Located | Refusal], raw: list[dict[str, str]]
) -> None:
    assert len(of(SourceDeclared, real)) == 1
    assert len(of(AccountOpened, real)) == len({row["user"] for row in raw}) == 611
    assert len(of(MarketDeclared, real)) == len({row["coin"] for row in raw}) == 151
    assets = {asset.name: asset.decimals for asset in of(AssetDeclared, real)}
    assert set(assets) == {row["fee_token"] for row in raw}
    assert assets["USDC"] == 8
    markets = {market.name: market for market in of(MarketDeclared, real)}
    for name, price, size in (("BTC", 1, 5), ("ETH", 2, 4), ("TRX", 6, 0), ("MELANIA", 5, 10)):
        assert (markets[name].price_decimals, markets[name].size_decimals) == (price, size)


def test_the_real_liquidation_is_on_the_side_of_the_liquidated(
    real: list[Located | Refusal], raw: list[dict[str, str]]
) -> None:
    expected = [row["user"] for row in raw if row["liq_user"] == row["user"]]
    assert [f.account for f in of(Filled, real) if f.cause == "liquidation"] == expected
    assert Counter(f.cause for f in of(Filled, real)) == {"trade": 3555, "liquidation": 1}
    (mark,) = of(Marked, real)
    assert str(mark.marks[0].price) == "0.15319"


def test_the_real_file_folds_and_what_differs_is_listed(
    real: list[Located | Refusal], raw: list[dict[str, str]]
) -> None:
    """Size breaks are those of a plain count; PnL differs only where an average was rounded."""
    rows, registry = stored(real)
    engine = Engine(resolver=lambda _source, _external_id: None)
    found = Counter[str]()
    breaks = []
    held: dict[tuple[int, int], int] = {}
    for row in rows:
        for entry in engine.apply(row):
            if entry[:2] == ("position", "account"):
                held[int(entry[2]), int(entry[3])] = int(entry[4])
            if entry[0] == "deviation":
                told = dict(zip(("kind", *ENTRY_FIELDS["deviation"]), entry, strict=True))
                found[str(told["code"])] += 1
                if told["code"] == "size_before":
                    breaks.append(row.external_id)
    assert set(found) == {"size_before", "reported_pnl"}
    assert found["reported_pnl"] == 23

    sizes: dict[tuple[str, str], Decimal] = {}
    expected = []
    for row_ in raw:
        key = (row_["user"], row_["coin"])
        before = Decimal(row_["start_position"])
        if sizes.setdefault(key, before) != before:
            expected.append(f"{row_['tid']}:{row_['side']}:{row_['user']}")
        sizes[key] += Decimal(row_["sz"]) * (1 if row_["side"] == "B" else -1)
    assert breaks == expected
    # A break is reported and changes nothing: our sizes stay what the fills make of them.
    chained: dict[tuple[str, str], Decimal] = {}
    for row_ in raw:
        key = (row_["user"], row_["coin"])
        size = Decimal(row_["sz"]) * (1 if row_["side"] == "B" else -1)
        chained[key] = chained.get(key, Decimal(row_["start_position"])) + size
    for (user, coin), size in chained.items():
        market = registry.market_ordinals[f"spot:{coin}" if coin.startswith("@") else coin]
        ours = held[registry.account_ordinals[user], market]
        assert Decimal(ours).scaleb(-registry.market(market).size_decimals) == size


def test_fees_of_the_real_file_are_posted_in_their_tokens(
    real: list[Located | Refusal], raw: list[dict[str, str]]
) -> None:
    rows, registry = stored(real)
    engine = Engine(resolver=lambda _source, _external_id: None)
    posted = Counter[str]()
    for row in rows:
        for entry in engine.apply(row):
            if entry[0] == "posting" and entry[1] == "fee":
                asset = registry.asset(int(entry[2]))
                amount = int(entry[7]) if entry[5] == "fees" else -int(entry[7])
                posted[asset.name] += amount * 10 ** (18 - asset.decimals)
    charged = Counter[str]()
    for row_ in raw:
        charged[row_["fee_token"]] += int(Decimal(row_["fee"]).scaleb(18))
    assert posted == charged


def test_known_names_are_not_declared_again(file: Path, real: list[Located | Refusal]) -> None:
    _, registry = stored(real)
    again = list(IMPORTER.read([str(file)], ImportOptions(registry=registry)))
    kinds = Counter(type(item.event) for item in again if isinstance(item, Located))
    assert kinds == {Filled: 3556, PositionCarried: 1199, Marked: 1}
    nothing = list(IMPORTER.read([str(file)], ImportOptions({"carry": "no"}, registry)))
    assert not of(PositionCarried, nothing)


def test_spot_rows_can_be_refused(file: Path, raw: list[dict[str, str]]) -> None:
    items = read(file, spot="refuse")
    refused = [item for item in items if isinstance(item, Refusal)]
    assert len(refused) == sum(row["coin"].startswith("@") for row in raw) == 254
    assert {item.field for item in refused} == {"coin"}
    assert len(of(Filled, items)) == 3556 - 254


def test_two_files_are_one_run(tmp_path: Path) -> None:
    """A position seen first in the later file, by time, is what the earlier file made it."""
    late = {"block_time": "2025-10-27T17:00:10.000000000", "start_position": "3.0", "tid": "9"}
    early = {"start_position": "2.6435", "tid": "8"}
    items = read(made(tmp_path / "late.csv", late), made(tmp_path / "early.csv", early))
    assert [str(c.size) for c in of(PositionCarried, items)] == ["2.6435"]
    assert [f.trade_id for f in of(Filled, items)] == ["8", "9"]
    (market,) = of(MarketDeclared, items)
    assert market.size_decimals == 4


def test_rows_of_one_block_keep_the_order_of_the_file(tmp_path: Path) -> None:
    rows = [{"tid": str(number), "user": f"u{number % 3}"} for number in range(20, 0, -1)]
    fills = of(Filled, read(made(tmp_path / "f.csv", *rows)))
    assert [fill.trade_id for fill in fills] == [row["tid"] for row in rows]


def test_times_are_floored_to_microseconds(tmp_path: Path) -> None:
    path = made(tmp_path / "f.csv", {"block_time": "2025-10-27T16:59:59.999999999"})
    (fill,) = of(Filled, read(path))
    assert fill.occurred_at.isoformat() == "2025-10-27T16:59:59.999999+00:00"


def test_causes(tmp_path: Path) -> None:
    path = made(
        tmp_path / "f.csv",
        {"user": "u1", "liq_user": "u1", "liq_mark": "4215.85", "liq_method": "market"},
        {"user": "u2", "liq_user": "u1", "liq_mark": "4215.85", "side": "A"},
        {"user": "u3", "dir": "Auto-Deleveraging", "tid": "7"},
    )
    items = read(path)
    assert [fill.cause for fill in of(Filled, items)] == ["liquidation", "trade", "adl"]
    assert len(of(Marked, items)) == 1
    stored(items)


def test_spot_names(tmp_path: Path) -> None:
    path = made(tmp_path / "f.csv", {"coin": "@107"}, {"coin": "PURR/USDC"}, {"coin": "xyz:XYZ100"})
    names = [fill.market for fill in of(Filled, read(path))]
    assert names == ["spot:@107", "spot:PURR/USDC", "xyz:XYZ100"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("block_number", "x"),
        ("block_time", "2025-10-27T16:59:59"),
        ("block_time", "2025-02-30T16:59:59.797563798"),
        ("user", "no such name"),
        ("user", ""),
        ("coin", ""),
        ("side", "buy"),
        ("px", "0"),
        ("px", "1e5"),
        ("sz", "-1"),
        ("sz", "0.0"),
        ("time_ms", "1.5"),
        ("start_position", "NaN"),
        ("closed_pnl", ""),
        ("fee", "1,5"),
        ("fee_token", "$"),
        ("crossed", "yes"),
        ("tid", "-1"),
        ("liq_user", "no name"),
        ("liq_mark", "-3"),
    ],
)
def test_a_wrong_field_is_refused_by_name_and_the_rest_goes_on(
    tmp_path: Path, field: str, value: str
) -> None:
    items = read(made(tmp_path / "f.csv", {"tid": "1"}, {"tid": "2", field: value}, {"tid": "3"}))
    (refused,) = [item for item in items if isinstance(item, Refusal)]
    assert (refused.line, refused.field, refused.value) == (3, field, value)
    assert refused.raw
    assert len(of(Filled, items)) == 2


def test_a_file_of_another_format_is_refused_by_its_header(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_text("market,time,rate\nBTC,2020-03-10T00:00:00Z,0.1\n")
    (refused,) = read(path)
    assert isinstance(refused, Refusal)
    assert (refused.line, refused.field) == (1, "block_number")


def test_options_are_checked() -> None:
    with pytest.raises(OptionRefused, match="has no option 'colour'; it has: carry, source, spot"):
        read(colour="red")
    with pytest.raises(OptionRefused, match="spot='x' is not one of fold, refuse"):
        read(spot="x")
    with pytest.raises(OptionRefused, match="source='no name'"):
        read(source="no name")


def test_a_run_has_a_bounded_number_of_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clearing.adapters.hyperliquid_fills.MAX_ROWS", 2)
    (refused,) = read(made(tmp_path / "f.csv", *({"tid": str(n)} for n in range(3))))
    assert isinstance(refused, Refusal)
    assert (refused.line, refused.reason) == (4, "more than 2 rows; split the run")


def test_names_of_any_length_have_identifiers(tmp_path: Path) -> None:
    rows = [{"user": f"{'u' * 62}-{n}", "coin": "c" * 64, "start_position": "1"} for n in (1, 2)]
    items = read(made(tmp_path / "f.csv", *rows))
    assert len({event.external_id for event in of(PositionCarried, items)}) == 2
    stored(items)


@settings(max_examples=100)
@given(
    st.dictionaries(
        st.sampled_from(COLUMNS), st.text(max_size=12) | st.from_regex(r"-?[0-9]{1,25}(\.[0-9]+)?")
    )
)
def test_no_row_is_a_traceback(
    tmp_path_factory: pytest.TempPathFactory, row: dict[str, str]
) -> None:
    path = tmp_path_factory.mktemp("rows") / "f.csv"
    with path.open("w", newline="", encoding="utf-8", errors="surrogatepass") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerow({**ROW, **row})
    items = read(path)
    if any(isinstance(item, Refusal) for item in items):
        assert all(isinstance(item, Refusal) and item.line >= 2 for item in items)
    else:
        stored(items)


def _verified(real: list[Located | Refusal], value: Decimal, rate: str) -> list[dict[str, Any]]:
    """What verify mode leaves of the real liquidation, with the account's value told before it."""
    liquidated = next(f for f in of(Filled, real) if f.cause == "liquidation")
    source, at = "hyperliquid", liquidated.occurred_at
    document = PRESETS["hyperliquid"].build(Names("USDC", "hlp", "keeper", "checked", "verify"))
    flat = {"op": "rate", "rate": rate}
    document["schedules"]["standard"] = {
        "initial": {"op": "ratio", "level": "maintenance", "factor": "2"},
        "maintenance": flat,
    }
    before = [
        AccountOpened(
            source=source, occurred_at=at, external_id="hlp", account="hlp", account_class="fund"
        ),
        AccountOpened(
            source=source,
            occurred_at=at,
            external_id="checked",
            account=liquidated.account,
            account_class="checked",
        ),
        RulebookAdopted(
            source=source,
            occurred_at=at,
            external_id="rules",
            name="hl",
            version="1",
            document=document,
            author="ann",
            approver="bob",
            reason="checking",
        ),
        Deposited(
            source=source,
            occurred_at=at,
            external_id="value",
            account=liquidated.account,
            asset="USDC",
            amount=value,
        ),
    ]
    events = [item.event for item in real if isinstance(item, Located)]
    opened = [e for e in of(AccountOpened, real) if e.account == liquidated.account]
    events = [event for event in events if event not in opened]
    declared = sum(isinstance(e, SourceDeclared | AssetDeclared | MarketDeclared) for e in events)
    rows, registry = _rows([*events[:declared], *before, *events[declared:]])
    engine = Engine(resolver=lambda _source, _external_id: None)
    account = registry.account_ordinals[liquidated.account]
    found = []
    for row in rows:
        for entry in engine.apply(row):
            if entry[0] in ("venue_liquidation", "deviation", "transition"):
                told = dict(zip(("kind", *ENTRY_FIELDS[str(entry[0])]), entry, strict=True))
                if told["account"] == account:
                    found.append(told)
    return found


def _rows(events: list[Any]) -> tuple[list[EventRow], Registry]:
    registry, rows = Registry(), []
    for position, event in enumerate(events, start=1):
        row = encode(event, registry)
        row.position = position
        if row.kind in REGISTRY_KINDS:
            registry.apply(row)
        rows.append(row)
    return rows, registry


def test_the_real_liquidation_in_verify_mode(real: list[Located | Refusal]) -> None:
    """890 WLFI, short, bought back at 0.15327 with the mark at 0.15319: 136.3391 of notional.

    What can be told: that it closes just what was held, at which mark, by which method. Whether it
    was due takes the account's value, which the file does not have: at a tenth of the notional,
    13.63391, any less was due and that much was not. The position is carried in at the price of
    its first fill, so 0.0623 of gain stands beside the deposit.
    """
    for deposit, value, status in (
        ("13.57", "13.6323", "liquidation"),
        ("13.58", "13.6423", "restricted"),
    ):
        found = _verified(real, Decimal(deposit), "0.1")
        (liquidation,) = [f for f in found if f["kind"] == "venue_liquidation"]
        assert (liquidation["size"], liquidation["price"], liquidation["mark"]) == (
            890 * 10 ** _decimals(real, "WLFI"),
            153270,
            153190,
        )
        assert (liquidation["method"], liquidation["maintenance"]) == ("market", "13.63391")
        assert Decimal(str(liquidation["equity"])) == Decimal(value)
        codes = [f["code"] for f in found if f["kind"] == "deviation"]
        assert codes == ([] if status == "liquidation" else ["liquidation_unexpected"])
        earlier = found[: found.index(liquidation)]
        assert [f["to_status"] for f in earlier if f["kind"] == "transition"][-1] == status


def _decimals(real: list[Located | Refusal], market: str) -> int:
    return int(next(m.size_decimals for m in of(MarketDeclared, real) if m.name == market))
