"""Each venue's preset in one story: a warning or a first close, then a crash, and who pays.

ada is long 10 BTC from 1,000 unless said otherwise, bob short 6 and cyd short 4.
"""

import pytest

from clearing.rulebook import check_document
from clearing.rulebook.presets import PRESETS, Names
from tests.engine.venue import of_kind
from tests.presets.day import Day


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_a_preset_is_sound_and_says_where_it_comes_from(name: str) -> None:
    preset = PRESETS[name]
    for mode in ("record", "verify", "derive"):
        document = preset.build(Names("USDT", "the-fund", "someone", "vip", mode))
        assert check_document(document)[1] == []
        assert document["bindings"][0]["account_class"] == "vip"
    assert preset.name == name
    assert preset.citations
    assert preset.limits
    assert preset.title
    assert preset.market


@pytest.mark.parametrize("name", sorted(n for n, preset in PRESETS.items() if not preset.lends))
def test_whatever_a_preset_does_adds_up(name: str) -> None:
    """Down in steps and at once: nothing is created, everybody who was closed has nothing left."""
    size = "0.25" if name == "bitmex" else "10"
    for marks in (["960", "940", "900", "700", "300"], ["300"], ["990", "400", "1500"]):
        cash = "500" if size == "10" else "5"
        day = Day(name, fund="1000", cash=cash, size=size)
        day("ClockTicked", after=60)
        for mark in marks:
            entries = day.mark(BTC=mark)
            for closed in of_kind(entries, "penalty"):
                assert int(closed["amount"]) >= 0
            day("ClockTicked", after=400_000)
        assert not day.engine.book.scopes[day.ordinal("ada"), 1].cash < 0


def test_binance_reduces_to_maintenance_then_the_fund_takes_what_it_can_and_adl_the_rest() -> None:
    """0.4 % of 9,550 is 38.20; with 30 the fewest lots go at the mark, for 0.3 % of them.

    At 940 the 1.414 BTC left are 15.80 short. The fund may assume as much notional as it has, of
    which 10.63 of the loss; bob, whose profit is the larger, is deleveraged for the rest.
    """
    day = Day("binance-usdm", fund="1000", cash="480")
    assert day.falls("957") == []
    assert day.falls("955") == [("reduce", "8.586")]
    assert day.equity("ada") == "5.41"
    assert day.cash("insurance") == "1024.59"
    assert day.loss("940") == {"loss": "15.8", "fund": "10.63", "adl": "5.17"}
    assert day.size("bob", "BTC") == "-5.538"


def test_bitmex_goes_down_a_risk_limit_then_takes_over_and_keeps_what_is_left() -> None:
    """0.25 at 991 are 247.75: above 200 maintenance is 1 %. 0.049 go, and 0.5 % suffice.

    Below that the fund takes over at the bankruptcy price, with what equity is left.
    """
    day = Day("bitmex", fund="10", cash="4", size="0.25")
    assert day.falls("991") == [("reduce", "0.049")]
    assert (day.status("ada"), day.equity("ada")) == ("restricted", "1.741")
    assert day.falls("986") == [("fund", "0.201")]
    assert day.equity("ada") == "0"
    assert day.equity("insurance") > "10"


def test_bitmex_deleverages_once_the_fund_has_nothing() -> None:
    day = Day("bitmex", fund="0", cash="1.5", size="0.1")
    assert day.loss("970") == {"loss": "1.5", "adl": "1.5"}
    assert (day.size("bob", "BTC"), day.size("cyd", "BTC")) == ("0", "0")


def test_dydx_closes_tenths_at_the_fillable_price_and_charges_out_of_the_surplus() -> None:
    """250 of 292.50: 1.5 × 292.50 × (1 − 250/292.50) a whole position, for each part of it."""
    day = Day("dydx-v4", fund="100", cash="500")
    entries = day.mark(BTC="975")
    closed = of_kind(entries, "closed")
    assert {(c["layer"], c["size"]) for c in closed} == {("reduce", 1026)}
    assert closed[0]["loss"] == "-6.55"
    penalties = [p["amount"] for p in of_kind(entries, "posting") if p["purpose"] == "penalty"]
    assert penalties == [1500] * 5
    assert day.status("ada") == "restricted"


def test_dydx_pays_from_the_fund_and_deleverages_where_it_would_go_below_nothing() -> None:
    day = Day("dydx-v4", fund="100", cash="500")
    assert day.loss("930") == {"loss": "200", "fund": "100", "adl": "100"}
    assert day.cash("insurance") == "0"


def test_hyperliquid_closes_a_fifth_of_a_large_position_and_the_rest_after_half_a_minute() -> None:
    """961,000 at 1.25 % ask 12,012.50; ada has 11,000. At 955.50 the rest asks 9,555 of 6,600."""
    day = Day("hyperliquid", fund="100000", cash="50000", size="1000")
    assert day.falls("961") == [("reduce", "200")]
    assert day.falls("955.50") == []
    closed = of_kind(day("ClockTicked", after=30), "closed")
    assert [(c["layer"], c["size"]) for c in closed] == [("reduce", 160000), ("reduce", 640000)]
    assert day.equity("ada") == "6600"


def test_hyperliquids_vault_takes_position_and_margin_below_two_thirds() -> None:
    """60 left at 956, below 79.67: position and 60 go to the vault."""
    day = Day("hyperliquid", fund="1000", cash="500")
    assert day.falls("956") == [("fund", "10")]
    assert (day.equity("ada"), day.equity("insurance")) == ("0", "1060")


def test_hyperliquid_deleverages_at_the_mark_before() -> None:
    """At 940 ada lacks 110. Closed at 964 she keeps 130, and both forgo 24 a BTC of their gain."""
    day = Day("hyperliquid", fund="1000", cash="490")
    day.mark(BTC="964")
    entries = day.mark(BTC="940")
    closed = of_kind(entries, "closed")
    assert [(c["layer"], c["amount"]) for c in closed] == [("adl", 578400), ("adl", 385600)]
    (loss,) = of_kind(entries, "loss")
    assert (loss["loss"], loss["adl"], loss["kept"]) == ("110", "240", "130")
    assert day.cash("insurance") == "1000"


def test_perpetual_protocol_closes_half_then_all_and_splits_the_penalty() -> None:
    """6.25 % of 9,500 ask 593.75; 500 is more than half of that, so half goes, for 2.5 %."""
    day = Day("perpetual-protocol", fund="100", cash="1000")
    entries = day.mark(BTC="950")
    assert [(c["layer"], c["size"]) for c in of_kind(entries, "closed")] == [("reduce", 5000)]
    penalties = [p["amount"] for p in of_kind(entries, "posting") if p["purpose"] == "penalty"]
    assert penalties == [5938, 5937]
    assert day.falls("900") == [("reduce", "5")]  # 131.25 is less than half of 281.25
    assert day.equity("ada") == "18.75"


def test_perpetual_protocols_fund_pays_what_it_has() -> None:
    day = Day("perpetual-protocol", fund="100", cash="1000")
    assert day.loss("880") == {"loss": "200", "fund": "100", "deficit": "100"}


def test_reg_t_calls_waits_four_days_and_sells_what_restores() -> None:
    """10 at 660 ask 1,650 of 1,600; the call is for 50. Unanswered, 0.304 are sold."""
    day = Day("reg-t", fund="0", cash="5000")
    entries = day.mark(BTC="660")
    (call,) = of_kind(entries, "margin_call")
    assert (call["outcome"], call["amount_due"]) == ("opened", 5000)
    assert of_kind(day("ClockTicked", after=345_599), "closed") == []
    late = day("ClockTicked", after=1)
    assert [c["outcome"] for c in of_kind(late, "margin_call")] == ["missed", "met"]
    assert [c["size"] for c in of_kind(late, "closed")] == [304]
    assert (day.size("ada", "BTC"), day.equity("ada")) == ("9.696", "1600")


def test_reg_t_leaves_a_loss_to_the_house() -> None:
    day = Day("reg-t", fund="0", cash="5000")
    assert day.loss("400") == {"loss": "1000", "deficit": "1000"}


def test_vega_takes_the_whole_margin_and_the_position() -> None:
    """5 % of 9,450 are 472.50; 450 are left, and go to the fund with the position."""
    day = Day("vega", fund="100", cash="1000")
    assert day.falls("955") == []
    assert day.falls("945") == [("fund", "10")]
    assert (day.equity("ada"), day.equity("insurance")) == ("0", "550")


def test_vega_cuts_gains_pro_rata_for_what_the_fund_lacks() -> None:
    """200 are lost at 880: 100 from the fund, 60 of bob's gain of 720 and 40 of cyd's 480."""
    day = Day("vega", fund="100", cash="1000")
    entries = day.mark(BTC="880")
    cuts = [(cut["gain"], cut["paid"]) for cut in of_kind(entries, "haircut")]
    assert cuts == [(72000, 6000), (48000, 4000)]
    (loss,) = of_kind(entries, "loss")
    assert (loss["loss"], loss["fund"], loss["socialised"]) == ("200", "100", "100")


@pytest.mark.parametrize(
    ("name", "cash"), [("dydx-v4", "500"), ("perpetual-protocol", "1000"), ("reg-t", "5000")]
)
def test_no_equity_at_all_is_taken_over(name: str, cash: str) -> None:
    """Exactly nothing: neither is there a price to pay, nor a loss."""
    day = Day(name, fund="1000", cash=cash)
    mark = 1000 - int(cash) // 10
    assert day.falls(f"{mark}.00") == [("fund", "10")]
    assert (day.size("ada", "BTC"), day.equity("ada")) == ("0", "0")


def test_presets_read_contradictions_as_the_page_on_differences_says() -> None:
    built = {name: preset.build(Names("USD")) for name, preset in PRESETS.items()}
    ladders = {name: document["ladders"]["standard"] for name, document in built.items()}
    layers = {name: d["waterfalls"]["standard"]["layers"] for name, d in built.items()}
    schedules = {name: document["schedules"]["standard"] for name, document in built.items()}
    binance = ladders["binance-usdm"]
    assert all(rung["when"].get("comparator", "<") == "<" for rung in binance)
    assert (binance[1]["quantity"], binance[1]["penalty"]["rate"]) == ({"op": "restore"}, "0.003")
    assert "price" not in ladders["bitmex"][1]
    assert [layer["layer"] for layer in layers["dydx-v4"]] == ["fund", "adl", "deficit"]
    assert layers["dydx-v4"][1]["rank"] == "random"
    assert schedules["dydx-v4"]["maintenance"] == {"op": "rate", "rate": "0.03"}
    adl = layers["hyperliquid"][0]
    assert (adl["rank"], adl["price"]) == ("price_by_leverage", "previous_mark")
    assert schedules["hyperliquid"]["maintenance"]["tiers"][0]["rate"] == "0.0125"
    assert ladders["reg-t"][0]["grace_seconds"] == 4 * 86_400
    assert layers["perpetual-protocol"][-1] == {"layer": "deficit"}
