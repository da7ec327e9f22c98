"""Drift v2: closed by and by, to a keeper, and a debt that both sides of the market pay.

ada is long 10 BTC from 1,000. Maintenance is 5 %, the buffer 2 %, keeper and fund get 1 % each.
"""

from clearing.engine import Entry
from tests.engine.venue import of_kind
from tests.presets.day import Day


def closes(entries: list[Entry]) -> list[str]:
    """How many BTC each close was of."""
    return [f"{int(c['size']) / 1000:g}" for c in of_kind(entries, "closed")]


def test_a_tenth_of_the_shortage_at_once_and_the_rest_over_a_minute() -> None:
    """At 945 ada has 450 of 472.50; 661.50 and 2 % more of her loss of 550 are the way out.

    She is short of 222.50. A BTC frees 66.15 − 9.45 − 9.45 = 47.25, so 4.709 BTC would do, and a
    tenth of that goes at once: at 935.55, 1 % below the mark, and 1 % to the fund.
    """
    day = Day("drift-v2", fund="100", cash="1000")
    entries = day.mark(BTC="945")
    assert closes(entries) == ["0.47"]
    (closed,) = of_kind(entries, "closed")
    assert (closed["amount"], closed["taker"]) == (43970, day.ordinal("keeper"))
    assert [p["amount"] for p in of_kind(entries, "posting") if p["purpose"] == "penalty"] == [444]
    assert day.status("ada") == "liquidation"
    sizes = [size for after in (10, 30, 60) for size in closes(day("ClockTicked", after=after))]
    assert sizes == ["0.789", "2.36", "1.119"]
    assert (day.status("ada"), day.size("ada", "BTC")) == ("restricted", "5.262")


def test_a_debt_is_the_funds_and_then_every_unit_of_both_sides_pays_the_same() -> None:
    """At 930 ada owes 100. The keeper takes all of it by and by, 1 % below the mark.

    She owes 193.01 in the end. The fund has 100; 93.01 over 20 BTC of open interest, long and
    short, are 4.6505 for each BTC.
    """
    day = Day("drift-v2", fund="100", cash="600")
    assert closes(day.mark(BTC="930")) == ["1"]
    assert closes(day("ClockTicked", after=30)) == ["5.117"]
    entries = day("ClockTicked", after=40)
    assert closes(entries) == ["3.883"]
    (loss,) = of_kind(entries, "loss")
    assert (loss["loss"], loss["fund"], loss["socialised"]) == ("193.01", "100", "93.01")
    (each,) = of_kind(entries, "per_unit")
    assert (each["open_interest"], each["each"]) == (20000, "4.6505")
    assert (day.equity("ada"), day.cash("insurance")) == ("0", "0")
    # bob is short 6 BTC from 1,000, cyd 4.
    assert (day.equity("bob"), day.equity("cyd")) == ("1000392.097", "1000261.398")
