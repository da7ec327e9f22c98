"""Scenarios: prices by role, made of what sources say, and marks in doubt."""

from typing import Any

import pytest

from clearing.engine import Entry
from tests.engine.venue import TAKEOVER, Venue, deviations, of_kind, rulebook, transitions

REDUCE = {
    "action": "reduce",
    "when": {"level": "maintenance"},
    "quantity": {"op": "share", "share": "0.5"},
    "price": {"op": "mark", "spread": "0"},
}


def told(source: str, price: str = "oracle", **more: Any) -> dict[str, Any]:
    """What a source said last."""
    return {"op": "source", "source": source, "price": price, **more}


def role(name: str) -> dict[str, Any]:
    return {"op": "role", "role": name}


class Priced(Venue):
    """A venue with a market BTC at two decimals and the sources a, b, c."""

    def __init__(self) -> None:
        super().__init__()
        for name in ("a", "b", "c"):
            self("SourceDeclared", name=name, description="an exchange")
        self.market("BTC")
        self.account("ada", "maker")
        self.deposit("ada", "1000")
        self.deposit("maker", "1000000")

    def prices(self, mode: str = "derive", **market: Any) -> list[Entry]:
        """Adopt a rulebook that prices BTC by ``market``."""
        ladder = market.pop("ladder", (TAKEOVER,))
        return self.adopt(rulebook(mode=mode, ladder=ladder, prices={"BTC": market}))

    def says(self, source: str, price: str, **more: Any) -> list[Entry]:
        """Let a source say a price."""
        fields = {"market": "BTC", "role": "oracle", "price": price, **more}
        return self("PriceObserved", source=source, **fields)

    def value(self, name: str) -> str | None:
        """The role's price as last evaluated."""
        feed = self.engine.book.markets[1].feed
        return None if name not in feed.values else f"{feed.values[name] / 100:.2f}"

    @property
    def mark_now(self) -> str:
        """The market's mark."""
        return f"{self.engine.book.markets[1].mark / 100:.2f}"

    @property
    def price_state(self) -> str:
        """The state of the market's mark."""
        return self.engine.book.markets[1].feed.status


SOURCES = [told("a", fresh_seconds=10), told("b", fresh_seconds=10), told("c", fresh_seconds=10)]


def test_the_mark_is_the_median_of_what_fresh_sources_say() -> None:
    venue = Priced()
    venue.prices(roles={"mark": {"op": "median", "of": SOURCES}})
    assert of_kind(venue.says("a", "100.00"), "mark")
    assert of_kind(venue.says("b", "104.00"), "price") == [
        {"market": 1, "role": "mark", "price": 10200}
    ]
    assert venue.mark_now == "102.00"
    venue.says("c", "103.00")
    assert venue.mark_now == "103.00"
    # c alone speaks on; eleven seconds later the words of a and b are too old to count.
    venue.says("c", "90.00", after=11)
    assert venue.mark_now == "90.00"


def test_time_alone_makes_prices_stale() -> None:
    venue = Priced()
    venue.prices(roles={"mark": {"op": "median", "of": SOURCES}})
    venue.says("a", "100.00")
    venue.says("b", "104.00", after=8)
    venue("ClockTicked", after=3)  # a is 11 seconds old
    assert venue.mark_now == "104.00"
    entries = venue("ClockTicked", after=8)
    assert venue.mark_now == "104.00"  # the last one stands; nobody said otherwise
    assert of_kind(entries, "price_status") == [{"market": 1, "status": "missing"}]
    assert of_kind(entries, "price") == [{"market": 1, "role": "mark", "price": 0}]


def test_an_outlier_does_not_count_and_with_two_of_them_the_median_does() -> None:
    """A venue's index: beyond 5 % of the median weight 0; more than one such, the median."""
    venue = Priced()
    mean = {
        "op": "mean",
        "of": [told("a"), told("b"), told("c")],
        "weights": ["1", "1", "2"],
        "outliers": {"beyond": "0.05", "at_most": 1},
    }
    venue.prices(roles={"index": mean})
    venue.says("a", "100.00")
    venue.says("b", "101.00")
    venue.says("c", "102.00")
    assert venue.value("index") == "101.25"  # (100 + 101 + 2 × 102) / 4
    venue.says("a", "120.00")
    assert venue.value("index") == "101.67"  # (101 + 2 × 102) / 3
    venue.says("b", "80.00")
    assert venue.value("index") == "102.00"


def test_a_weighted_median_is_where_half_the_weight_is_reached() -> None:
    venue = Priced()
    tree = {
        "op": "weighted_median",
        "of": [told("a"), told("b"), told("c")],
        "weights": ["3", "2", "2"],
    }
    venue.prices(roles={"index": tree})
    for source, price in (("a", "100.00"), ("b", "101.00"), ("c", "102.00")):
        venue.says(source, price)
    assert venue.value("index") == "101.00"
    venue.says("c", "99.00")
    assert venue.value("index") == "100.00"


def test_fallback_min_max_and_at_least() -> None:
    venue = Priced()
    roles = {
        "index": {"op": "first", "of": [told("a", fresh_seconds=5), told("b")]},
        "trigger": {"op": "min", "of": [told("a"), told("b")], "at_least": 2},
        "collateral": {"op": "max", "of": [told("a"), told("b")]},
    }
    venue.prices(roles=roles)
    venue.says("b", "99.00")
    assert (venue.value("index"), venue.value("trigger")) == ("99.00", None)
    venue.says("a", "101.00")
    assert (venue.value("index"), venue.value("trigger")) == ("101.00", "99.00")
    assert venue.value("collateral") == "101.00"
    venue("ClockTicked", after=6)
    assert venue.value("index") == "99.00"


def test_an_ema_forgets_exponentially_and_a_twap_weighs_time() -> None:
    """100 for 30 s, then 200 for 30 s.

    EMA with a constant of 30 s: 200 − 100 × e⁻¹ = 163.21. TWAP over 40 s: (10 × 100 + 30 × 200)
    / 40 = 175.
    """
    venue = Priced()
    roles = {
        "index": {"op": "ema", "price": told("a"), "seconds": 30},
        "funding": {"op": "twap", "price": told("a"), "seconds": 40},
    }
    venue.prices(roles=roles)
    venue.says("a", "100.00")
    venue.says("a", "200.00", after=30)
    assert (venue.value("index"), venue.value("funding")) == ("100.00", "100.00")
    venue("ClockTicked", after=30)
    assert (venue.value("index"), venue.value("funding")) == ("163.21", "175.00")


def test_averages_do_not_depend_on_how_often_they_are_asked() -> None:
    seen = []
    for ticks in (1, 30):
        venue = Priced()
        roles = {
            "index": {"op": "ema", "price": told("a"), "seconds": 7},
            "funding": {"op": "twap", "price": told("a"), "seconds": 20},
        }
        venue.prices(roles=roles)
        venue.says("a", "100.00")
        venue.says("a", "137.77", after=11)
        for _ in range(ticks):
            venue("ClockTicked", after=30 // ticks)
        seen.append((venue.value("index"), venue.value("funding")))
    assert seen[0] == seen[1]


def test_a_mark_of_index_and_smoothed_basis_kept_near_the_index() -> None:
    """index + EMA of (last − index), at most 1 % from the index."""
    venue = Priced()
    basis = {
        "op": "add",
        "of": [
            {"price": told("b", "last"), "factor": "1"},
            {"price": role("index"), "factor": "-1"},
        ],
    }
    mark = {
        "op": "clamp",
        "price": {
            "op": "add",
            "of": [
                {"price": role("index"), "factor": "1"},
                {"price": {"op": "ema", "price": basis, "seconds": 150}, "factor": "1"},
            ],
        },
        "around": role("index"),
        "within": "0.01",
    }
    venue.prices(roles={"index": told("a"), "mark": mark})
    venue.says("a", "100.00")
    assert venue.mark_now == "0.00"
    venue.says("b", "100.50", role="last")
    assert venue.mark_now == "100.50"
    # A wick: the last price halves, the mark may move by 1 % of the index and no further.
    venue.says("b", "50.00", role="last")
    assert venue.mark_now == "100.50"
    venue("ClockTicked", after=60)
    assert venue.mark_now == "99.00"


def test_recorded_marks_are_taken_as_they_are_unless_a_tree_filters_them() -> None:
    venue = Priced()
    venue.prices(roles={"mark": {"op": "median", "of": [told("a")]}})
    venue.says("a", "100.00")
    venue.mark(BTC="97.00")
    assert venue.mark_now == "97.00"
    filtered = {
        "op": "clamp",
        "price": {"op": "recorded"},
        "around": told("a"),
        "within": "0.02",
    }
    venue.prices(roles={"mark": filtered})
    assert venue.mark_now == "98.00"
    entries = venue.mark(BTC="60.00")
    assert venue.mark_now == "98.00"
    assert of_kind(entries, "mark") == [{"market": 1, "price": 6000, "effective": 0}]
    entries = venue.mark(BTC="101.00")
    assert [mark["price"] for mark in of_kind(entries, "mark")] == [10100, 10100]


def test_verify_mode_compares_a_recorded_mark_with_the_tree() -> None:
    venue = Priced()
    venue.prices("verify", roles={"mark": {"op": "median", "of": [told("a"), told("b")]}})
    venue.says("a", "100.00")
    venue.says("b", "101.00")
    assert venue.mark_now == "0.00"
    assert deviations(venue.mark(BTC="100.50")) == []
    entries = venue.mark(BTC="100.40")
    (deviation,) = of_kind(entries, "deviation")
    assert (deviation["code"], deviation["expected"], deviation["found"]) == (
        "mark_mismatch",
        "100.5",
        "100.4",
    )
    assert venue.mark_now == "100.40"


DIVERGENT: dict[str, Any] = {
    "roles": {"index": told("a")},
    "validity": {
        "stale_seconds": 60,
        "divergence": "0.1",
        "forbids": {"divergent": ["liquidate"], "stale": ["liquidate", "margin_call"]},
    },
}


def test_a_divergent_price_may_value_but_not_liquidate() -> None:
    """ada holds 10 BTC from 1,000 with 1,000: at 905 maintenance of 90.5 is more than 50."""
    venue = Priced()
    venue.prices(**DIVERGENT)
    venue.says("a", "1000.00")
    venue.mark(BTC="1000.00")
    venue.trade("ada", "maker", "BTC", "10", "1000.00")
    venue.says("a", "1010.00")
    entries = venue.mark(BTC="905.00")
    assert venue.price_state == "divergent"
    assert venue.equity("ada") == "50"
    assert venue.status("ada") == "liquidation"
    assert of_kind(entries, "withheld")
    assert venue.size("ada", "BTC") == "10"
    # The index follows: the price is in doubt no more, and what was due is done.
    entries = venue.says("a", "990.00")
    assert venue.price_state == "valid"
    assert of_kind(entries, "liquidation")
    assert venue.size("ada", "BTC") == "0"


def test_a_divergent_mark_that_may_not_even_value_is_not_taken() -> None:
    venue = Priced()
    validity = {"divergence": "0.1", "forbids": {"divergent": ["value"]}}
    venue.prices(roles={"index": told("a")}, validity=validity)
    venue.says("a", "1000.00")
    venue.mark(BTC="1000.00")
    entries = venue.mark(BTC="899.99")
    assert of_kind(entries, "mark") == [{"market": 1, "price": 89999, "effective": 0}]
    assert venue.mark_now == "1000.00"
    venue.mark(BTC="900.00")
    assert venue.mark_now == "900.00"


def test_a_stale_mark_neither_calls_nor_liquidates_until_a_new_one_comes() -> None:
    call = {
        "action": "margin_call",
        "when": {"level": "initial"},
        "grace_seconds": 60,
        "restore": "initial",
    }
    venue = Priced()
    venue.prices(**DIVERGENT, ladder=(call, TAKEOVER))
    venue.mark(BTC="1000.00")
    venue.trade("ada", "maker", "BTC", "10", "1000.00")
    entries = venue("ClockTicked", after=61)
    assert of_kind(entries, "price_status") == [{"market": 1, "status": "stale"}]
    entries = venue("Withdrawn", account="ada", asset="USD", amount="600")
    assert venue.status("ada") == "margin_call"
    assert not of_kind(entries, "margin_call")
    entries = venue.mark(BTC="1000.00")
    assert venue.price_state == "valid"
    assert [call["outcome"] for call in of_kind(entries, "margin_call")] == ["opened"]


def test_a_trigger_price_has_to_agree_before_anything_is_closed() -> None:
    venue = Priced()
    venue.prices(roles={"trigger": told("a")})
    venue.says("a", "1000.00")
    venue.mark(BTC="1000.00")
    venue.trade("ada", "maker", "BTC", "10", "1000.00")
    entries = venue.mark(BTC="905.00")
    assert transitions(entries) == [(2, "healthy", "liquidation")]
    assert venue.size("ada", "BTC") == "10"
    assert not of_kind(venue.says("a", "912.00"), "liquidation")
    entries = venue.says("a", "906.00")
    assert of_kind(entries, "liquidation")
    assert venue.size("ada", "BTC") == "0"


def test_reductions_are_at_the_close_price() -> None:
    """5 of 10 at 904 and not at 905: the fund pays 4,520 for what is worth 4,525."""
    venue = Priced()
    venue("FundContributed", fund="insurance", asset="USD", amount="1000")
    venue.prices(
        roles={"close": told("a")}, ladder=(REDUCE, {**TAKEOVER, "when": {"level": "zero"}})
    )
    venue.says("a", "904.00")
    venue.mark(BTC="1000.00")
    venue.trade("ada", "maker", "BTC", "10", "1000.00")
    entries = venue.mark(BTC="905.00")
    first = of_kind(entries, "closed")[0]
    assert (first["size"], first["amount"], first["loss"]) == (5000, 452000, "-5")


def test_collateral_counts_at_its_own_price() -> None:
    """1 BTC as collateral counts at the lower of mark and average, not at the mark."""
    venue = Priced()
    venue("AssetDeclared", name="COIN", decimals=8)
    policy = {
        "assets": {"COIN": {"market": "BTC", "weights": {"maintenance": "1", "initial": "1"}}}
    }
    roles = {"collateral": {"op": "min", "of": [{"op": "recorded"}, told("a")]}}
    document = rulebook(prices={"BTC": {"roles": roles}}, collateral={"all": policy})
    document["bindings"][0]["collateral"] = "all"
    assert deviations(venue.adopt(document)) == []
    venue.deposit("ada", "1", "COIN")
    venue.mark(BTC="1000.00")
    venue.trade("ada", "maker", "BTC", "0.001", "1000.00")
    assert venue.equity("ada") == "2000"
    venue.says("a", "900.00")
    assert venue.equity("ada") == "1900"
    venue.mark(BTC="850.00")
    assert venue.equity("ada") == "1849.85"


def test_the_same_policy_in_a_new_rulebook_goes_on_and_another_begins_anew() -> None:
    venue = Priced()
    smooth = {"index": {"op": "ema", "price": told("a"), "seconds": 100}}
    venue.prices(roles=smooth)
    venue.says("a", "100.00")
    venue.says("a", "200.00")
    venue("ClockTicked", after=50)
    before = venue.value("index")
    venue.prices(roles=smooth, rounding="half_even")
    assert float(str(venue.value("index"))) >= float(str(before))
    assert venue.value("index") != "200.00"
    venue.prices(roles={"index": {"op": "ema", "price": told("a"), "seconds": 101}})
    assert venue.value("index") == "200.00"


def test_an_older_word_of_a_source_changes_nothing() -> None:
    venue = Priced()
    venue.prices(roles={"mark": told("a")})
    venue.says("a", "100.00")
    before = venue.now
    venue.says("a", "50.00", at=before.replace(year=2025))
    assert venue.mark_now == "100.00"


@pytest.mark.parametrize(
    ("market", "problem"),
    [
        (
            {"roles": {"index": role("mark"), "mark": role("index")}},
            "prices.BTC.roles: index, mark read each other in a circle",
        ),
        ({"roles": {"mark": role("index")}}, "prices.BTC.roles.mark: reads index, which has"),
        ({"roles": {"mark": told("x")}}, "prices.BTC.roles.mark.source: source 'x' is not"),
        (
            {"roles": {"mark": {"op": "median", "of": [told("a")], "at_least": 2}}},
            "prices.BTC.roles.mark.at_least: is 2, of 1 prices",
        ),
        (
            {"roles": {"mark": {"op": "clamp", "price": told("a")}}},
            "prices.BTC.roles.mark.around: is missing, and so are low and high",
        ),
        (
            {"validity": {"forbids": {"stale": ["liquidate"]}}},
            "prices.BTC.validity.stale_seconds: is missing, and forbids.stale needs it",
        ),
        (
            {"validity": {"stale_seconds": 5, "forbids": {"stale": ["value"]}}},
            "prices.BTC.validity.forbids.stale: value can be forbidden to a divergent mark only",
        ),
        ({"validity": {"divergence": "0.1"}}, "prices.BTC.validity.reference: index has no tree"),
        ({"roles": {"mark": {"op": "nope"}}}, "prices.BTC.roles.mark: "),
    ],
)
def test_a_policy_that_contradicts_itself_is_refused_with_its_path(
    market: dict[str, Any], problem: str
) -> None:
    venue = Priced()
    (deviation,) = of_kind(venue.prices(**market), "deviation")
    assert deviation["code"] == "rulebook_refused"
    assert str(deviation["detail"]).startswith(problem)


def test_who_is_spared_by_a_trigger_price_is_looked_at_whatever_mark_moves() -> None:
    """10 BTC and 10 ETH from 100 on 100 dollars; BTC falls to 89, but its trigger price stays 100.

    Each step of ETH changes what is left at trigger prices: at 91 that is 10 against 19.1.
    """
    venue = Priced()
    venue.market("ETH")
    venue("Withdrawn", account="ada", asset="USD", amount="900")
    venue.mark(BTC="100.00", ETH="100.00")
    venue.prices(roles={"trigger": told("a", "last")})
    venue("PriceObserved", source="a", market="BTC", role="last", price="100.00")
    for market in ("BTC", "ETH"):
        venue.trade("ada", "maker", market, "10", "100.00")
    assert [e["action"] for e in of_kind(venue.mark(BTC="89.00"), "withheld")] == ["takeover"]
    for price in ("98.00", "95.00", "92.00"):
        assert of_kind(venue.mark(ETH=price), "liquidation") == []
    assert of_kind(venue.mark(ETH="91.00"), "liquidation") != []
