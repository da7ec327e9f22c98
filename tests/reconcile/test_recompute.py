"""Fees by a schedule and funding by settled rates, against what was charged: worked by hand."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from clearing.adapters.statements import CashLeg, FillLeg, StatementLine
from clearing.ledger import Ledger
from clearing.reconcile import (
    FeeReport,
    FeeSchedule,
    FundingCharge,
    TakerWhen,
    charges_of,
    fee_schedule,
    implied_rates,
    recompute_fees,
)
from clearing.reconcile.recompute import ScheduleRefused
from tests.engine.venue import PERSON, rulebook

START = datetime(2024, 5, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def line(
    fee: str | None,
    *,
    size: str = "2",
    price: str = "100",
    at: datetime = START,
    market: str = "BTC",
    told: dict[str, str] | None = None,
    **leg: Any,
) -> StatementLine:
    """A purchase of 2 at 100 by ada: a notional of 200."""
    filled = FillLeg(
        market,
        Decimal(size),
        Decimal(price),
        fee=None if fee is None else Decimal(fee),
        **{"trade_id": "t", "fee_asset": "USD", **leg},
    )
    return StatementLine("s.csv", 2, at, "ada", "", market, (), filled, told or {})


def schedule(**changed: Any) -> FeeSchedule:
    """Makers 0.02 %, takers 0.05 % from the beginning of 2024, in cents."""
    tier = {"maker": "0.0002", "taker": "0.0005"}
    given = {
        "format": 1,
        "venue": "venue",
        "decimals": 2,
        "periods": [{"since": "2024-01-01T00:00:00Z", "tiers": [tier]}],
    }
    return FeeSchedule.model_validate({**given, **changed})


def period(since: str, *tiers: tuple[str, str, str], **more: Any) -> dict[str, Any]:
    named = [{"volume": volume, "maker": maker, "taker": taker} for volume, maker, taker in tiers]
    return {"since": since, "tiers": named, **more}


def away(report: FeeReport) -> list[tuple[str, str, str, str]]:
    """Charged, expected, too much, and the rate, of each fill that differs."""
    return [(one.charged, one.expected, one.overcharged, one.rate) for one in report.lines]


# -- fees


def test_without_word_of_maker_or_taker_either_rate_is_right() -> None:
    report = recompute_fees([line("0.1"), line("0.04")], schedule())
    assert (report.compared, report.lines) == (2, [])
    assert report.charged == report.expected == {"USD": "0.14"}


def test_the_nearer_of_both_rates_is_expected() -> None:
    report = recompute_fees([line("0.11"), line("0.03")], schedule())
    assert away(report) == [
        ("0.11", "0.1", "0.01", "0.0005"),
        ("0.03", "0.04", "-0.01", "0.0002"),
    ]
    assert (report.overcharged, report.undercharged) == ({"USD": "0.01"}, {"USD": "0.01"})


def test_where_lines_tell_taker_the_other_rate_is_wrong() -> None:
    told = schedule(taker_when={"column": "role", "value": "T"})
    maker, taker = {"role": "M"}, {"role": "T"}
    report = recompute_fees(
        [line("0.1", told=taker), line("0.1", told=maker), line("0.04", told=taker)], told
    )
    assert away(report) == [
        ("0.1", "0.04", "0.06", "0.0002"),
        ("0.04", "0.1", "-0.06", "0.0005"),
    ]


def test_a_rebate_is_a_negative_fee() -> None:
    rebates = schedule(
        periods=[period("2024-01-01T00:00:00Z", ("0", "-0.0001", "0.0005"))],
        taker_when={"column": "role", "value": "T"},
    )
    assert recompute_fees([line("-0.02")], rebates).lines == []
    report = recompute_fees([line("0.02")], rebates)
    assert away(report) == [("0.02", "-0.02", "0.04", "-0.0001")]


@pytest.mark.parametrize(
    ("rounding", "paid", "rebated"),
    [
        # 0.0005 × 250 is 0.125, −0.0005 × 250 is −0.125
        ("down", "0.12", "-0.13"),
        ("up", "0.13", "-0.12"),
        ("toward_zero", "0.12", "-0.12"),
        ("away_from_zero", "0.13", "-0.13"),
        ("half_even", "0.12", "-0.12"),
        ("half_away", "0.13", "-0.13"),
    ],
)
def test_fees_are_rounded_as_the_schedule_says(rounding: str, paid: str, rebated: str) -> None:
    for rate, fee in (("0.0005", paid), ("-0.0005", rebated)):
        one = period("2024-01-01T00:00:00Z", ("0", rate, rate))
        rounded = schedule(rounding=rounding, periods=[one])
        assert recompute_fees([line(fee, size="2.5")], rounded).lines == []
        wrong = str(Decimal(fee) + Decimal("0.01"))
        (found,) = recompute_fees([line(wrong, size="2.5")], rounded).lines
        assert (found.expected, found.overcharged) == (fee, "0.01")


def test_units_let_so_many_of_the_last_decimal_pass() -> None:
    lines = [line("0.12"), line("0.13")]
    assert len(recompute_fees(lines, schedule(units=1)).lines) == 2
    assert [one.charged for one in recompute_fees(lines, schedule(units=2)).lines] == ["0.13"]


def test_a_tier_is_that_of_the_volume_of_whole_days_before() -> None:
    tiers = schedule(
        volume_days=2,
        periods=[
            period("2024-01-01T00:00:00Z", ("0", "0.001", "0.001"), ("400", "0.0005", "0.0005"))
        ],
    )
    lines = [
        line("0.2"),  # no volume yet
        line("0.2", at=START + timedelta(hours=11)),  # the same day's 200 do not count yet
        line("0.1", at=START + timedelta(hours=12)),  # the next UTC day: 400 before it
        line("0.1", at=START + 2 * DAY),  # two days back: 400 + 200
        line("0.2", at=START + 3 * DAY),  # days 2 and 3: 200 + 200 … of which only 2 counts
    ]
    report = recompute_fees(reversed(lines), tiers)
    # The last fill has 400 of two whole days before it and should have cost half.
    assert away(report) == [("0.2", "0.1", "0.1", "0.0005")]
    assert report.lines[0].at == START + 3 * DAY
    # A day later the first of them no longer counts.
    report = recompute_fees([*lines[:2], line("0.2", at=START + 3 * DAY)], tiers)
    assert report.lines == []


def test_inverse_markets_and_multipliers() -> None:
    inverse = schedule(decimals=8, inverse=("XBTUSD",), multipliers={"XBTUSD": "10", "ETH": "0.1"})
    lines = [
        line("0.000125", market="XBTUSD", size="-100", price="4000", fee_asset="XBT"),  # 0.25 XBT
        line("0.01", market="ETH"),  # 2 × 100 × 0.1
        line("0.1"),
    ]
    report = recompute_fees(lines, inverse)
    assert (report.lines, report.compared) == ([], 3)
    assert report.charged == {"USD": "0.11", "XBT": "0.000125"}


def test_a_fee_in_what_was_traded_is_a_rate_of_the_size() -> None:
    lines = [line("0.001", fee_asset="BTC", fee_of="size")]
    assert recompute_fees(lines, schedule(decimals=4)).lines == []
    (found,) = implied_rates(lines, decimals=6)
    assert (found.lowest, found.highest) == ("0.0004995", "0.0005005")


def test_periods_change_and_a_named_market_goes_before_the_others() -> None:
    changing = schedule(
        periods=[
            period("2024-05-02T00:00:00Z", ("0", "0.001", "0.001")),
            period("2024-04-01T00:00:00Z", ("0", "0.0005", "0.0005")),
            period("2024-05-02T00:00:00Z", ("0", "0", "0"), markets=("FREE",)),
        ]
    )
    midnight = START + timedelta(hours=12)
    lines = [
        line("0.1", at=midnight - timedelta(microseconds=1)),
        line("0.2", at=midnight),
        line("0.1", market="FREE"),
        line("0", market="FREE", at=midnight),
    ]
    report = recompute_fees(lines, changing)
    assert (report.compared, report.lines) == (4, [])


def test_what_no_schedule_covers_is_counted_and_not_compared() -> None:
    only = schedule(periods=[period("2024-05-01T00:00:00Z", ("0", "0", "0"), markets=("ETH",))])
    report = recompute_fees([line("9"), line("9", market="ETH", at=START - DAY)], only)
    assert (report.compared, report.unscheduled, report.lines) == (0, 2, [])


def test_a_fill_that_tells_no_fee_is_not_compared() -> None:
    report = recompute_fees([line(None), replace(line("1"), fill=None)], schedule())
    assert (report.compared, report.unscheduled) == (0, 0)


# -- schedule files

GOOD = """
format: 1
venue: venue
decimals: 2
periods:
  - since: 2024-01-01T00:00:00Z
    tiers:
      - {maker: 0, taker: 0.0005}
"""


def test_a_schedule_is_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "fees.yaml"
    path.write_text(GOOD, encoding="utf-8")
    read = fee_schedule(path)
    assert (read.periods[0].tiers[0].maker, read.periods[0].tiers[0].taker) == ("0", "0.0005")


@pytest.mark.parametrize(
    ("good", "bad", "named"),
    [
        ("decimals: 2", "decimals: 19", "decimals"),
        ("decimals: 2", "digits: 2", "decimals"),
        ("venue: venue", "venue: venue\ntiers: []", "tiers"),
        ("format: 1", "format: 2", "format"),
        ("2024-01-01T00:00:00Z", "2024-01-01T00:00:00", "periods.0.since"),
        ("taker: 0.0005", "taker: 5e-4", "periods.0.tiers.0.taker"),
        ("taker: 0.0005", "taker: true", "periods.0.tiers.0.taker"),
        ("{maker: 0,", "{volume: 5, maker: 0,", "begin at volume 0"),
        ("decimals: 2", "decimals: 2\nrounding: sideways", "rounding"),
        ("decimals: 2", "decimals: 2\ndecimals: 3", "decimals"),
        (GOOD, "- 1", "dictionary"),
    ],
)
def test_a_bad_schedule_is_refused_with_the_file_and_the_field(
    tmp_path: Path, good: str, bad: str, named: str
) -> None:
    path = tmp_path / "fees.yaml"
    assert good in GOOD
    path.write_text(GOOD.replace(good, bad), encoding="utf-8")
    with pytest.raises(ScheduleRefused) as refused:
        fee_schedule(path)
    assert str(path) in str(refused.value)
    assert named in str(refused.value)


def test_a_schedule_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ScheduleRefused, match=r"none\.yaml"):
        fee_schedule(tmp_path / "none.yaml")


# -- rates that fees tell


def test_one_rate_or_the_lines_that_do_not_fit() -> None:
    fits = [line("0.1"), line("0.2", size="4")]
    (found,) = implied_rates(fits, decimals=2)
    assert (found.fills, found.lowest, found.highest) == (2, "0.000475", "0.000525")
    (found,) = implied_rates([*fits, replace(line("0.4"), line=9)], decimals=2)
    assert (found.lowest, found.odd) == ("", (9,))
    roles = [line("0.1", told={"role": "T"}), line("0.04", told={"role": "M"})]
    found_by = implied_rates(roles, decimals=4, taker_when=TakerWhen(column="role", value="T"))
    assert [(one.takes, one.fills) for one in found_by] == [("false", 1), ("true", 1)]


# -- funding


@pytest.fixture
def ledger(database_url: str) -> Iterator[Ledger]:
    """ada buys 2, then 1 more between settlements; at the last one she has none left.

    At 8:00 she pays 0.01 % of 2 × 100 = 0.02; at 16:00 she gets 0.02 % of 3 × 110 = 0.066; at
    24:00 she has nothing.
    """
    with Ledger.open(database_url) as opened:
        events: list[dict[str, Any]] = [
            {"kind": "SourceDeclared", "name": "venue", "description": "a venue"},
            {"kind": "AssetDeclared", "name": "USD", "decimals": 2},
            {
                "kind": "MarketDeclared",
                "name": "BTC",
                "settlement_asset": "USD",
                "lot": "1",
                "price_decimals": 2,
                "mark_decimals": 2,
                "size_decimals": 0,
            },
            {"kind": "AccountOpened", "account": "insurance", "account_class": "fund"},
            {"kind": "AccountOpened", "account": "ada"},
            {
                "kind": "RulebookAdopted",
                "name": "rules",
                "version": "1",
                "document": rulebook(),
                **PERSON,
            },
            {"kind": "Deposited", "account": "ada", "asset": "USD", "amount": "1000"},
            filled("buy", "2", 1),
            settled("0.0001", "100", 8),
            filled("buy", "1", 9),
            settled("-0.0002", "110", 16),
            filled("sell", "3", 17),
            settled("0.0001", "100", 24),
        ]
        base = {"source": "venue", "occurred_at": moment(0).isoformat()}
        opened.append([{"external_id": f"e{i}", **base, **one} for i, one in enumerate(events)])
        opened.project()
        yield opened


def moment(hour: int, seconds: int = 0) -> datetime:
    return datetime(2024, 5, 1, tzinfo=UTC) + timedelta(hours=hour, seconds=seconds)


def filled(side: str, size: str, hour: int) -> dict[str, Any]:
    at = moment(hour).isoformat()
    fields = {"account": "ada", "market": "BTC", "side": side, "size": size, "price": "100"}
    return {"kind": "Filled", "occurred_at": at, **fields}


def settled(rate: str, price: str, hour: int) -> dict[str, Any]:
    at = moment(hour).isoformat()
    fields = {"market": "BTC", "rate": rate, "price": price}
    return {"kind": "FundingSettled", "occurred_at": at, **fields}


def charge(amount: str, at: datetime, market: str = "BTC", asset: str = "USD") -> FundingCharge:
    return FundingCharge(at, market, asset, Decimal(amount))


PAID = charge("-0.02", moment(8))
GOT = charge("0.07", moment(16))


def verdicts(
    ledger: Ledger, *charges: FundingCharge, **options: Any
) -> list[tuple[str, int, str, str, str]]:
    """What differs: verdict, hour, due, charged, too little."""
    report = ledger.desk("ann").recompute_funding("ada", charges, **options)
    return [
        (one.verdict, (one.at - moment(0)).seconds // 3600, one.due, one.charged, one.overcharged)
        for one in report.lines
    ]


def test_funding_that_was_charged_as_due_over_a_position_that_changes(ledger: Ledger) -> None:
    report = ledger.desk("ann").recompute_funding("ada", [PAID, GOT])
    assert (report.compared, report.lines) == (2, [])
    assert report.due == report.charged == {"USD": "0.05"}
    assert report.overcharged == {}


def test_funding_that_was_not_paid_or_wrong(ledger: Ledger) -> None:
    assert verdicts(ledger, PAID) == [("unpaid", 16, "0.07", "0", "0.07")]
    wrong = charge("-0.05", moment(8))
    assert verdicts(ledger, wrong, GOT) == [("wrong", 8, "-0.02", "-0.05", "0.03")]
    turned = charge("0.02", moment(8))
    assert verdicts(ledger, turned, GOT) == [("wrong", 8, "-0.02", "0.02", "-0.04")]


def test_funding_that_was_charged_twice_is_wrong_by_once(ledger: Ledger) -> None:
    assert verdicts(ledger, PAID, PAID, GOT) == [("wrong", 8, "-0.02", "-0.04", "0.02")]


def test_funding_where_nothing_was_due_is_unfounded(ledger: Ledger) -> None:
    after = charge("-0.03", moment(23))
    assert verdicts(ledger, PAID, GOT, after) == [("unfounded", 23, "0", "-0.03", "0.03")]
    other = charge("-0.02", moment(8), market="ETH")
    assert verdicts(ledger, PAID, other, GOT) == [("unfounded", 8, "0", "-0.02", "0.02")]


def test_funding_in_another_asset_is_not_what_was_due(ledger: Ledger) -> None:
    strange = charge("-0.02", moment(8), asset="BTC")
    assert verdicts(ledger, strange, GOT) == [
        ("unpaid", 8, "-0.02", "0", "-0.02"),
        ("unfounded", 8, "0", "-0.02", "0.02"),
    ]


def test_funding_may_be_charged_late_within_the_window(ledger: Ledger) -> None:
    late = charge("-0.02", moment(8, seconds=60))
    assert verdicts(ledger, late, GOT) == []
    later = charge("-0.02", moment(8, seconds=61))
    assert [one[0] for one in verdicts(ledger, later, GOT)] == ["unpaid", "unfounded"]
    assert verdicts(ledger, later, GOT, within=timedelta(seconds=61)) == []
    early = charge("-0.02", moment(8, seconds=-1))
    assert [one[0] for one in verdicts(ledger, early, GOT)] == ["unfounded", "unpaid"]


def test_units_and_bounds_of_funding(ledger: Ledger) -> None:
    off = charge("0.06", moment(16))
    assert [one[0] for one in verdicts(ledger, PAID, off)] == ["wrong"]
    assert verdicts(ledger, PAID, off, units=1) == []
    assert verdicts(ledger, GOT, since=moment(9)) == []
    assert verdicts(ledger, PAID, until=moment(16)) == []


def test_an_account_that_the_ledger_does_not_know_is_due_nothing(ledger: Ledger) -> None:
    report = ledger.desk("ann").recompute_funding("bob", [PAID])
    assert (report.compared, [one.verdict for one in report.lines]) == (0, ["unfounded"])


def test_lines_of_a_statement_tell_charges_of_funding_alone() -> None:
    legs = (
        CashLeg("USD", "funding", Decimal("-0.02")),
        CashLeg("USD", "fee", Decimal(-1)),
        CashLeg("USD", "funding", Decimal(0)),
    )
    told = StatementLine("s.csv", 2, moment(8), "ada", "", "BTC", legs, None, {})
    assert list(charges_of([told])) == [PAID]
