"""What the house's own equity changed by, part by part and exactly; and each of its funds."""

from fractions import Fraction
from itertools import pairwise
from random import Random

import pytest

from clearing.books import Attribution, between, calendar_of, period_of
from clearing.books.kinds import TRANSFERS
from clearing.events.fields import from_microseconds
from clearing.ledger import Ledger
from tests.auditor.generate import generate
from tests.books.day import DAY, at, cash, day
from tests.engine.stories import Story
from tests.log.small import event


def told(found: Attribution) -> dict[str, list[tuple[str, str]]]:
    return {part.part: [(line.item, line.amount) for line in part.lines] for part in found.parts}


def test_the_fees_of_the_day_are_what_the_house_earned(database_url: str) -> None:
    """Ada paid 1.00 and 0.40; on the day before 500.00 were put into the fund."""
    before = period_of(calendar_of("utc"), "2024-06-17")
    with day(database_url) as ledger:
        (first,) = ledger.attribution(None, before)
        (second,) = ledger.attribution(None, DAY)
        (fund,) = ledger.attribution("insurance", before)
    assert (first.opening, first.closing) == ("0", "500")
    assert told(first) == {"transfers": [("insurance: fund contributions", "500")]}
    assert (second.opening, second.closing, second.change) == ("500", "501.4", "1.4")
    assert told(second) == {"fees": [("fees: fees", "1.4")]}
    assert told(fund) == {"transfers": [("fund contributions", "500")]}


def test_what_a_provider_puts_in_is_not_the_houses(database_url: str) -> None:
    """Bob joins the fund with 300.00: its equity is more by it, and what he may claim as well."""
    with day(
        database_url,
        event(40, "PoolJoined", fund="insurance", account="bob", asset="USD", amount="300.00",
              **at(19, 2)),
        cash(41, "Adjusted", "ada", "-2.00", category="desk", author="ann", approver="eve",
             reason="a fee forgotten", **at(19, 3)),
    ) as ledger:  # fmt: skip
        following = period_of(calendar_of("utc"), "2024-06-19")
        (found,) = ledger.attribution(None, following)
        (fund,) = ledger.attribution("insurance", following)
    assert found.change == "2"
    assert told(found) == {
        "transfers": [("insurance: fund shares", "300")],
        "others' shares": [("providers", "-300")],
        "adjustments": [("adjustment: adjustments", "2")],
    }
    assert (fund.opening, fund.closing) == ("500", "800")


def check(ledger: Ledger, seed: int) -> set[str]:
    """Attribute a venue's life in random pieces; return the parts that there were.

    Pieces add up to the whole, and each is what the house's statement says was earned, with what
    was put in.
    """
    dice = Random(seed)  # noqa: S311 - dice
    rows = ledger.connection.execute("SELECT DISTINCT occurred_at FROM clearing.log ORDER BY 1")
    times = [int(row[0]) for row in rows]
    cuts = sorted({times[0], *dice.sample(times, 3), times[-1] + 1})
    sums: dict[str, Fraction] = {}
    parts: set[str] = set()
    for first, last in pairwise(cuts):
        period = between(from_microseconds(first), from_microseconds(last))
        statement = {
            view["asset"]: view for view in ledger.statement(None, period).figures["assets"]
        }
        for found in ledger.attribution(None, period):
            amounts = [Fraction(part.amount) for part in found.parts]
            assert sum(amounts) == Fraction(found.change)
            assert Fraction(found.closing) - Fraction(found.opening) == Fraction(found.change)
            sums[found.asset] = sums.get(found.asset, Fraction(0)) + Fraction(found.change)
            parts |= {part.part for part in found.parts}
            put_in = sum(
                Fraction(line.amount)
                for part in found.parts
                if part.part == TRANSFERS
                for line in part.lines
                if line.item.split(": ")[1] not in ("fund shares", "positions carried in")
            )
            earned = Fraction(statement[found.asset]["result"]["sum"])
            assert Fraction(found.change) - put_in == earned
    whole = between(from_microseconds(cuts[0]), from_microseconds(cuts[-1]))
    for found in ledger.attribution(None, whole):
        assert Fraction(found.change) == sums[found.asset]
    return parts


@pytest.mark.parametrize(
    ("seed", "among"),
    [
        (1, {"transfers", "others' shares", "interest"}),
        (3, {"transfers", "others' shares", "rounding", "funding"}),
        (4, {"transfers", "others' shares", "liquidation", "price"}),
    ],
)
def test_in_random_stories_the_parts_are_what_the_statement_says_was_earned(
    database_url: str, seed: int, among: set[str]
) -> None:
    story = Story(Random(seed))  # noqa: S311 - dice
    for _ in range(150):
        story.step()
    with Ledger.open(database_url) as ledger:
        ledger.append(story.venue.events)
        ledger.project()
        found = check(ledger, seed)
    assert among <= found


@pytest.mark.parametrize("seed", [2, 5, 7])
def test_on_generated_venues_the_parts_are_what_the_statement_says_was_earned(
    database_url: str, seed: int
) -> None:
    with Ledger.open(database_url) as ledger:
        ledger.append(generate(seed, 200))
        ledger.project()
        found = check(ledger, seed)
    assert {"transfers", "fees", "liquidation", "socialised loss", "adjustments", "price"} <= found
