"""Mango v4: closed to a keeper until initial health is there, and a debt that everybody pays.

ada is long 10 BTC from 1,000. Maintenance asks 10 %, the initial level 20 %; the keeper gets 5 %.
"""

from tests.engine.venue import of_kind
from tests.presets.day import Day


def test_the_fewest_lots_that_restore_initial_health_go_to_the_keeper() -> None:
    """At 880 ada has 800 of 880. Initially 1,760 are asked, so 960 are missing.

    A BTC that goes at 836 frees 176 and costs 44: 7.273 are closed, and her loss is not realised.
    """
    day = Day("mango-v4", fund="100", cash="2000")
    assert day.falls("900") == []
    entries = day.mark(BTC="880")
    (closed,) = of_kind(entries, "closed")
    assert (closed["size"], closed["amount"], closed["taker"]) == (
        7273,
        608022,
        day.ordinal("keeper"),
    )
    assert (day.status("ada"), day.cash("ada")) == ("healthy", "2000")
    assert day.margin("ada") == ("479.98", "479.952", "239.976")


def test_a_debt_is_the_funds_and_then_every_unit_of_both_sides_pays_the_same() -> None:
    """At 800 ada is 1,000 below nothing, and all goes at 760: she owes 1,400 in the end.

    The fund has 100; 1,300 over 20 BTC of open interest, long and short, are 65 for each BTC.
    """
    day = Day("mango-v4", fund="100", cash="1000")
    entries = day.mark(BTC="800")
    actions = [step["action"] for step in of_kind(entries, "liquidation")]
    assert actions == ["reduce", "cover"]
    (loss,) = of_kind(entries, "loss")
    assert (loss["loss"], loss["fund"], loss["socialised"]) == ("1400", "100", "1300")
    (each,) = of_kind(entries, "per_unit")
    assert (each["open_interest"], each["each"]) == (20000, "65")
    assert (day.equity("ada"), day.cash("insurance")) == ("0", "0")
    # bob is short 6 BTC from 1,000, cyd 4; the keeper took 10 at 760.
    assert [day.equity(name) for name in ("bob", "cyd", "keeper")] == [
        "1000810",
        "1000540",
        "99750",
    ]
