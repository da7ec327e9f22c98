"""Scenarios: funding computed from premium and interest, paid by stamp, side and pause."""

import json
from decimal import Decimal
from typing import Any

import pytest

from clearing.engine import Engine, Entry
from tests.engine.venue import Venue, deviations, of_kind, rulebook

INDEX = {"index": {"op": "source", "source": "venue", "price": "index"}}
HOUR = 3_600


class Funded(Venue):
    """BTC at 100 with its index at 100; ada is long 10, bob short 10; the day began at 00:00:00."""

    def __init__(self, rule: dict[str, Any], mode: str = "derive", **rules: Any) -> None:
        super().__init__(decimals=rules.pop("decimals", 2))
        self.market("BTC", **rules.pop("market", {}))
        self.account("ada", "bob", "pool")
        for name in ("ada", "bob", "pool"):
            self.deposit(name, "1000")
        self.mark(BTC="100.00")
        funding = {"markets": {"BTC": rule}, **rules.pop("funding", {})}
        prices = {"BTC": {"roles": INDEX, **rules.pop("prices", {})}}
        document = rulebook(mode=mode, funding=funding, prices=prices, ladder=(), **rules)
        document["bindings"][0]["ladder"] = None
        document["ladders"] = {}
        assert deviations(self.adopt(document)) == []
        self.trade("ada", "bob", "BTC", "10", "100.00")
        self.index("100.00")

    def index(self, price: str) -> list[Entry]:
        """Let the index be ``price``."""
        return self("PriceObserved", market="BTC", role="index", price=price)

    def tick(self, at: str) -> list[Entry]:
        """Let the clock reach a time of the day."""
        hours, minutes, seconds = (int(part) for part in at.split(":"))
        now = self.now.replace(hour=hours, minute=minutes, second=seconds)
        return self("ClockTicked", after=(now - self.now).total_seconds())

    def until(self, at: str, kind: str, **fields: Any) -> list[Entry]:
        """Let something happen at a time of the day."""
        hours, minutes, seconds = (int(part) for part in at.split(":"))
        now = self.now.replace(hour=hours, minute=minutes, second=seconds)
        return self(kind, after=(now - self.now).total_seconds(), **fields)

    @property
    def equities(self) -> tuple[str, str]:
        """What ada and bob have, accrued funding included, with the mark at 100."""
        return self.equity("ada"), self.equity("bob")


AVERAGE = {"op": "prices", "of": "mark", "over": "index", "average": "twap"}
LAST = {"op": "prices", "of": "mark", "over": "index", "average": "last"}
HOURLY = {"interval_seconds": HOUR, "premium": LAST}


def test_interest_within_a_band_around_the_premium() -> None:
    """Premium 0.1 %, interest 0.01 %: 0.1 % + clamp(0.01 % − 0.1 %, ±0.05 %) = 0.05 %.

    ada pays 10 × 100.10 × 0.05 % = 0.5005, at the index; the fraction stays accrued.
    """
    band = {"low": "-0.0005", "high": "0.0005"}
    rule = {**HOURLY, "interest": "0.0001", "band": band, "pays_at": "index"}
    venue = Funded(rule)
    venue.index("100.10")
    venue.mark(BTC="100.20")
    entries = venue.tick("01:00:00")
    (computed,) = of_kind(entries, "funding_computed")
    # (100.20 − 100.10) / 100.10 = 0.000999…: with the band the rate is that − 0.05 %.
    assert computed["premium"] == "0.000999000999"
    assert computed["rate"] == "0.000499000999"
    venue.mark(BTC="100.00")
    # 10 × 100.10 × 0.000499000999… = 10 × (0.10 − 0.05005) = 0.4995
    assert venue.equities == ("999.5005", "1000.4995")


def test_a_rate_for_eight_hours_is_paid_hourly_by_an_eighth() -> None:
    """0.8 % for eight hours on 10 × 100, hourly: 1 dollar."""
    rule = {**HOURLY, "per_seconds": 8 * HOUR, "interest": "0.008"}
    venue = Funded(rule)
    venue.tick("01:00:00")
    assert venue.equities == ("999", "1001")
    entries = venue.tick("04:30:00")  # three stamps were passed, and each is paid
    assert [f["stamp"] for f in of_kind(entries, "funding_computed")] == [
        int(venue.now.replace(hour=hour, minute=0, second=0).timestamp() * 1_000_000)
        for hour in (2, 3, 4)
    ]
    assert venue.equities == ("996", "1004")


def test_the_average_is_over_time_and_a_stamp_sees_nothing_later() -> None:
    """Half an hour at 101, half at 103 over an index of 100: 2 %. What comes later counts later."""
    premium = {**LAST, "average": "twap"}
    venue = Funded({"interval_seconds": HOUR, "premium": premium, "pays_at": "reference"})
    venue.until("01:00:00", "Marked", marks=[{"market": "BTC", "price": "101.00"}])
    venue.until("01:30:00", "Marked", marks=[{"market": "BTC", "price": "103.00"}])
    # A price of half a minute after the stamp is seen before the clock says that it is two.
    venue.until("02:00:30", "PriceObserved", market="BTC", role="index", price="90.00")
    entries = venue.tick("02:01:00")
    (computed,) = of_kind(entries, "funding_computed")
    assert computed["premium"] == "0.02"
    venue.mark(BTC="100.00")
    assert venue.equity("ada") == "980"


def test_samples_that_are_missing_count_as_nothing() -> None:
    """30 samples of 0.1 % where 60 are expected: 0.05 %, by truncation at six decimals."""
    premium = {"op": "samples", "expected": 60}
    venue = Funded(
        {"interval_seconds": HOUR, "premium": premium, "rate_decimals": 6, "pays_at": "index"}
    )
    for _ in range(30):
        venue("PremiumSampled", market="BTC", rate="0.001")
    (computed,) = of_kind(venue.tick("01:00:00"), "funding_computed")
    assert (computed["premium"], computed["rate"]) == ("0.0005", "0.0005")
    assert venue.equities == ("999.5", "1000.5")


def test_a_cap_of_six_times_the_margin_gap() -> None:
    """6 × (5 % − 1 %) = 24 % of notional at most, whatever the premium."""
    rule = {**HOURLY, "cap": {"factor": "6", "schedule": "majors"}}
    venue = Funded(rule)
    venue.index("50.00")
    (computed,) = of_kind(venue.tick("01:00:00"), "funding_computed")
    assert (computed["premium"], computed["rate"]) == ("1", "0.24")
    assert venue.equities == ("760", "1240")


def test_a_period_ends_at_its_cut_off_and_is_paid_after_its_lag() -> None:
    """Cut off at 00:50, paid at 01:00:15 by who holds then: cyd, who bought at 01:00:10."""
    rule = {**HOURLY, "cut_off_seconds": 600, "lag_seconds": 15}
    venue = Funded(rule)
    venue.account("cyd")
    venue.deposit("cyd", "1000")
    venue.until("00:49:59", "PriceObserved", market="BTC", role="index", price="99.00")
    venue.until("00:50:01", "PriceObserved", market="BTC", role="index", price="50.00")
    assert not of_kind(venue.tick("01:00:05"), "funding_computed")
    trade = {"buyer": "cyd", "seller": "ada", "size": "10", "price": "100.00"}
    venue.until("01:00:10", "Traded", market="BTC", **trade)
    (computed,) = of_kind(venue.tick("01:00:15"), "funding_computed")
    assert computed["premium"] == "0.010101010101"
    assert venue.equity("ada") == "1000"
    assert Decimal(venue.equity("cyd")) < 990


def test_a_pause_takes_its_time_out_of_the_average_and_its_share_off_the_payment() -> None:
    """Halted from 00:30: the mark of 110 after that does not count, and half is paid: 1 %."""
    premium = {**LAST, "average": "twap"}
    pause = {"states": ["halted"], "prorate": True}
    venue = Funded({"interval_seconds": HOUR, "premium": premium, "pause": pause})
    venue.until("01:00:00", "Marked", marks=[{"market": "BTC", "price": "102.00"}])
    person = {"author": "ann", "approver": "bob", "reason": "an outage"}
    venue.until("01:30:00", "MarketStateChanged", market="BTC", state="halted", **person)
    venue.until("01:31:00", "Marked", marks=[{"market": "BTC", "price": "110.00"}])
    (computed,) = of_kind(venue.tick("02:00:00"), "funding_computed")
    assert (computed["premium"], computed["rate"]) == ("0.02", "0.01")


def test_no_price_no_funding_and_that_is_said() -> None:
    told = {"op": "source", "source": "venue", "price": "ask"}
    prices = {"roles": {**INDEX, "settlement": told}}
    rule = {**HOURLY, "interest": "0.01", "premium": {**LAST, "over": "settlement"}}
    venue = Funded(rule, prices=prices)
    (computed,) = of_kind(venue.tick("01:00:00"), "funding_computed")
    assert computed["status"] == "no_price"
    assert venue.equities == ("1000", "1000")


def test_a_price_in_doubt_may_be_kept_from_settling() -> None:
    validity = {"divergence": "0.1", "forbids": {"divergent": ["funding"]}}
    venue = Funded(HOURLY, prices={"validity": validity})
    venue.index("80.00")
    (computed,) = of_kind(venue.tick("01:00:00"), "funding_computed")
    assert (computed["premium"], computed["status"]) == ("0.25", "withheld")
    assert venue.equities == ("1000", "1000")


def test_sides_that_differ_leave_something_to_an_account() -> None:
    """Longs pay 1 % of 1,000, shorts receive 90 % of it: 1 dollar for the pool."""
    sides = {"short": {"receives": "0.9"}, "residual": "pool"}
    venue = Funded({**HOURLY, "interest": "0.01", "sides": sides})
    venue.tick("01:00:00")
    assert venue.cash("pool") == "1001"
    assert venue.equities == ("990", "1009")


def test_what_the_residual_account_pays_is_capped_by_its_cash() -> None:
    """Longs pay 20 % of 10, shorts get all of it from the pool: at most 0.5 % of its 1,000."""
    sides = {"long": {"pays": "0.2"}, "residual": "pool", "residual_share": "0.005"}
    venue = Funded({**HOURLY, "interest": "0.01", "sides": sides})
    venue.tick("01:00:00")
    assert venue.cash("pool") == "995"
    assert venue.equities == ("998", "1007")


def test_when_shorts_pay_the_factors_are_the_other_ones() -> None:
    """Shorts pay half of 10, longs get all that comes: the pool has nothing of it."""
    sides = {"short": {"pays": "0.5"}, "long": {"receives": "0.5"}, "residual": "pool"}
    venue = Funded({**HOURLY, "interest": "-0.01", "sides": sides})
    venue.tick("01:00:00")
    assert venue.cash("pool") == "1000"
    assert venue.equities == ("1005", "995")


def test_a_flip_goes_on_with_the_other_side() -> None:
    """ada pays as a long for one hour, turns short, and receives a share for the second one."""
    sides = {"short": {"receives": "0.5"}, "residual": "pool"}
    venue = Funded({**HOURLY, "sides": sides})
    venue.index("99.00")
    venue.mark(BTC="99.99")
    venue.tick("01:00:00")
    venue.trade("bob", "ada", "BTC", "20", "99.99")
    venue.tick("02:00:00")
    # 10 × 99.99 × 1 % = 10 (0.99/99 = 1 %): −9.999 − 0.1 (from 100 to 99.99) + 4.9995
    assert venue.equity("ada") == "994.9005"


def test_verify_mode_compares_the_told_rate_with_the_computed_one() -> None:
    venue = Funded({**HOURLY, "interest": "0.0001"}, mode="verify")
    (computed,) = of_kind(venue.tick("01:00:00"), "funding_computed")
    assert (computed["rate"], computed["status"]) == ("0.0001", "compared")
    told = {"market": "BTC", "price": "100.00", "interval_seconds": HOUR}
    assert deviations(venue("FundingSettled", rate="0.0001", **told)) == []
    venue.tick("02:00:00")
    entries = venue("FundingSettled", rate="0.0002", **told)
    (deviation,) = of_kind(entries, "deviation")
    assert (deviation["code"], deviation["expected"], deviation["found"]) == (
        "funding_rate_mismatch",
        "0.0001",
        "0.0002",
    )
    assert venue.equities == ("1000", "1000")


def test_a_told_settlement_of_a_computed_market_is_a_deviation_in_derive_mode() -> None:
    venue = Funded(HOURLY)
    told = {"market": "BTC", "price": "100.00", "rate": "0.01"}
    entries = venue("FundingSettled", **told)
    assert deviations(entries) == ["venue_outcome"]
    assert venue.equities == ("1000", "1000")


def test_inverse_contracts_pay_in_coin() -> None:
    """1 % of 10 contracts of 100 dollars at 100: 0.1 coin, exactly."""
    market = {"payoff": "inverse", "multiplier": "100", "lot": "1", "size_decimals": 0}
    venue = Funded({**HOURLY, "interest": "0.01"}, market=market, decimals=8)
    venue.tick("01:00:00")
    assert venue.equities == ("999.9", "1000.1")


def test_margin_for_the_funding_to_come() -> None:
    """Half of what a long would pay now: 0.5 × 10 × (100 − 96) = 20, for a short nothing."""
    schedule = {
        "initial": {"op": "ratio", "level": "maintenance", "factor": "2"},
        "maintenance": {
            "op": "sum",
            "of": [{"op": "rate", "rate": "0.01"}, {"op": "funding_to_come", "factor": "0.5"}],
        },
    }
    venue = Funded({**HOURLY, "pays_at": "reference"}, schedule=schedule)
    assert venue.asked("ada", "maintenance") == "10"
    entries = venue.index("96.00")
    assert of_kind(entries, "funding_coming") == [{"market": 1, "payment": "4"}]
    assert venue.asked("ada", "maintenance") == "30"
    assert venue.asked("bob", "maintenance") == "10"


def test_per_account_payments_with_sides_conserve_money() -> None:
    sides = {"short": {"receives": "0.333"}, "residual": "pool"}
    venue = Funded({**HOURLY, "sides": sides}, funding={"operator": "per_account"})
    venue.index("99.97")
    venue.tick("01:00:00")
    # 10 × 100 × 0.03/99.97 = 0.30009…: ada pays 0.30, bob gets 0.09 of 0.0999…, the pool 0.20.
    assert (venue.cash("ada"), venue.cash("bob"), venue.cash("pool")) == (
        "999.7",
        "1000.09",
        "1000.2",
    )
    assert venue.ledger("funding", "BTC") == "0"


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        (
            {**HOURLY, "premium": {"op": "prices", "of": "mark", "over": "mark"}},
            "funding.markets.BTC.premium.over: is mark, as of is",
        ),
        (
            {**HOURLY, "pays_at": "reference", "premium": {"op": "samples"}},
            "funding.markets.BTC.pays_at: ",
        ),
        ({**HOURLY, "offset_seconds": HOUR}, "funding.markets.BTC.offset_seconds: is 3600, not"),
        ({**HOURLY, "cap": {"low": "1", "high": "0"}}, "funding.markets.BTC.cap"),
        (
            {**HOURLY, "cap": {"factor": "6", "schedule": "x"}},
            "funding.markets.BTC.cap.schedule: there is no schedule 'x'",
        ),
        (
            {**HOURLY, "premium": {**LAST, "of": "trigger"}},
            "funding.markets.BTC: prices.BTC has no role trigger",
        ),
        (
            {**HOURLY, "sides": {"residual": "nobody"}},
            "funding.markets.BTC.sides.residual: account 'nobody' is not declared",
        ),
    ],
)
def test_a_rule_that_contradicts_itself_is_refused_with_its_path(
    rule: dict[str, Any], problem: str
) -> None:
    venue = Venue()
    venue.market("BTC")
    document = rulebook(funding={"markets": {"BTC": rule}}, prices={"BTC": {"roles": INDEX}})
    (deviation,) = of_kind(venue.adopt(document), "deviation")
    assert str(deviation["detail"]).startswith(problem)


def test_a_told_rate_is_compared_at_the_decimals_that_it_can_have() -> None:
    """(100.20 − 100.10) / 100.10 does not end; what is told of it does, after 12 decimals."""
    venue = Funded(HOURLY, mode="verify")
    venue.index("100.10")
    venue.mark(BTC="100.20")
    venue.tick("01:00:00")
    fields = {"market": "BTC", "rate": "0.000999000999", "price": "100.10"}
    assert deviations(venue("FundingSettled", **fields)) == []


def test_a_period_that_ended_is_paid_though_its_rule_is_replaced_before_its_time() -> None:
    """1 % of 1,000 for an hour that ended; another rule comes before the lag is over."""
    rule = {**HOURLY, "interest": "0.01", "lag_seconds": 600}
    venue = Funded(rule)
    venue.until("01:00:01", "Deposited", account="pool", asset="USD", amount="1")
    document = venue.engine.book.documents
    changed = json.loads(next(iter(document.values())))
    changed["funding"]["markets"]["BTC"]["interest"] = "0.02"
    entries = venue.adopt(changed)
    (computed,) = of_kind(entries, "funding_computed")
    assert (computed["rate"], computed["status"]) == ("0.01", "settled")
    assert venue.equities == ("990", "1010")


def test_what_is_to_come_is_stated_market_by_market_also_after_a_restore() -> None:
    """Markets are declared Z first; a document names A first. The order is that of declaration."""
    venue = Venue()
    names = ("Z", "A")
    for name in names:
        venue.market(name)
    venue.account("ada", "bob")
    for name in ("ada", "bob"):
        venue.deposit(name, "1000")
    venue.mark(Z="100.00", A="100.00")
    asked = [{"op": "rate", "rate": "0.1"}, {"op": "funding_to_come", "factor": "1"}]
    levels = {"op": "sum", "of": asked}
    venue.adopt(
        rulebook(
            schedule={"initial": levels, "maintenance": levels},
            prices={name: {"roles": INDEX} for name in names},
            funding={"markets": {name: HOURLY | {"premium": AVERAGE} for name in names}},
        )
    )
    for name in names:
        venue("PriceObserved", market=name, role="index", price="99.00")
    venue.mark(Z="101.00", A="101.00")
    venue.engine = Engine.restore(venue.engine.snapshot(), resolver=venue.find)
    coming = of_kind(venue("ClockTicked", after=50), "funding_coming")
    assert [entry["market"] for entry in coming] == [1, 2]


@pytest.mark.parametrize("operator", ["index", "per_account"])
def test_fractions_of_a_residual_add_up_to_units(operator: str) -> None:
    """Longs pay 1.5 cents four times, shorts get nothing: the pool has 6 cents in the end."""
    sides = {"short": {"receives": "0"}, "residual": "pool"}
    rule = {**HOURLY, "interest": "0.000015", "sides": sides}
    venue = Funded(rule, funding={"operator": operator})
    for hour in range(1, 5):
        venue.tick(f"{hour:02}:00:00")
    assert venue.cash("pool") == "1000.06"
