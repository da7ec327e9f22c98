"""Bybit isolated: tier by tier at the mark, then taken over; ADL once the pool is down 30 %.

ada is long from 1,000 against bob and cyd. 0.5 % are asked of the first 150, 1 % of the next, and
the fee to close.
"""

from tests.engine.venue import of_kind
from tests.presets.day import Day


def test_a_position_goes_down_one_tier_at_the_mark() -> None:
    """At 991.50 her 1.875 are more than 1.865; at 991.40 1.85 are less than 1.8648.

    0.151 BTC are worth less than 150. The 99 thousandths that go leave a tier that asks 0.83.
    """
    day = Day("bybit-isolated", fund="10", cash="4", size="0.25")
    assert day.falls("991.50") == []
    assert day.falls("991.40") == [("reduce", "0.099")]
    assert (day.status("ada"), day.size("ada", "BTC")) == ("restricted", "0.151")


def test_where_lower_tiers_do_not_help_the_position_is_taken_over() -> None:
    """0.4 BTC at 991 leave 0.40: from above 300 below it, from there below 150, and then all."""
    day = Day("bybit-isolated", fund="10", cash="4", size="0.4")
    assert day.falls("991") == [("reduce", "0.098"), ("reduce", "0.151"), ("fund", "0.151")]
    assert (day.equity("ada"), day.equity("insurance")) == ("0", "10.4")


def test_the_pool_pays_until_it_is_down_by_three_tenths_and_then_others_are_deleveraged() -> None:
    """At 940 she lacks 4. Of 10 the pool pays 3, for 75 of 100 thousandths; bob has the rest."""
    day = Day("bybit-isolated", fund="10", cash="2", size="0.1")
    entries = day.mark(BTC="940")
    (loss,) = of_kind(entries, "loss")
    assert (loss["loss"], loss["fund"], loss["adl"]) == ("4", "3", "1")
    closed = [(c["layer"], c["size"]) for c in of_kind(entries, "closed")]
    assert closed == [("fund", 75), ("adl", 25)]
    assert day.size("bob", "BTC") == "-0.035"
