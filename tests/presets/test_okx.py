"""OKX futures: two tiers at a time from the third on, then taken over; ADL at the mark.

ada is long from 1,000 against bob and cyd.
"""

from tests.engine.venue import of_kind
from tests.presets.day import Day


def test_from_the_fourth_tier_a_position_goes_down_two() -> None:
    """At 997.10 299,130 ask 1.5 % and the fee, 4,636.52; she has 4,630.

    Below 120,000 are 120.349 BTC; of the rest the fee of 89.56 goes to the reserve.
    """
    day = Day("okx-futures", fund="1000", cash="5500", size="300")
    assert day.falls("997.20") == []
    assert day.falls("997.10") == [("reduce", "179.651")]
    assert day.cash("insurance") == "1089.56"
    assert day.status("ada") == "restricted"


def test_in_the_lowest_tiers_all_is_taken_over_and_the_reserve_keeps_what_is_left() -> None:
    """50,000 ask 0.5 % and the fee: at 985.40 270.985 of the 270 that she has."""
    day = Day("okx-futures", fund="1000", cash="1000", size="50")
    assert day.falls("985.45") == []
    assert day.falls("985.40") == [("fund", "50")]
    assert (day.equity("ada"), day.equity("insurance")) == ("0", "1270")


def test_the_reserve_pays_three_tenths_then_others_are_deleveraged_at_the_mark() -> None:
    """At 950 she lacks 1,500: 300 for 10 BTC. At the mark the other 40 leave 1,200 owed.

    The reserve has 700 for that, the house the last 500.
    """
    day = Day("okx-futures", fund="1000", cash="1000", size="50")
    entries = day.mark(BTC="950")
    closed = [(c["layer"], c["size"], c["loss"]) for c in of_kind(entries, "closed")]
    assert closed == [("fund", 10000, "300"), ("adl", 30000, "0"), ("adl", 10000, "0")]
    (loss,) = of_kind(entries, "loss")
    assert (loss["loss"], loss["fund"], loss["deficit"]) == ("1500", "1000", "500")
