"""Aave v3: a keeper repays half a debt, or all of it, and what no collateral is left for is a loss.

ada has 10 WETH at 1,000 and owes 8,000: at 0.83 the health factor is 1.0375.
"""

import pytest

from clearing.rulebook.presets import PRESETS, Names
from tests.engine.venue import Venue, deviations, of_kind


def lender(debt: str = "8000", weth: str = "10") -> Venue:
    venue = Venue()
    venue("AssetDeclared", name="WETH", decimals=8)
    venue.market("WETH-USD")
    venue.account("ada")
    venue.account("keeper", account_class="keeper")
    venue.deposit("keeper", "100000")
    preset = PRESETS["aave-v3"]
    found = venue.adopt(preset.build(Names("USD")), citations=list(preset.citations))
    assert deviations(found) == []
    venue.mark(**{"WETH-USD": "1000.00"})
    venue.deposit("ada", weth, "WETH")
    venue("Withdrawn", account="ada", asset="USD", amount=debt)
    return venue


def has(venue: Venue, account: str) -> tuple[str, str]:
    return venue.cash(account), venue.cash(account, "WETH")


def test_beyond_the_loan_to_value_an_account_is_restricted() -> None:
    assert lender(debt="8050").status("ada") == "healthy"
    assert lender(debt="8050.01").status("ada") == "restricted"


def test_below_one_half_of_the_debt_is_repaid_for_collateral_and_a_bonus() -> None:
    """At 960 WETH count 7,968. 4,000 are repaid for 4,200 worth, 4.375; a tenth of the bonus stays.

    4,000 are owed then, and 5.625 WETH count 4,482.
    """
    venue = lender()
    assert of_kind(venue.mark(**{"WETH-USD": "963.86"}), "liquidation") == []
    venue.mark(**{"WETH-USD": "960.00"})
    assert has(venue, "ada") == ("-4000", "5.625")
    assert has(venue, "keeper") == ("96000", "4.35416667")
    assert venue.cash("insurance", "WETH") == "0.02083333"
    assert venue.status("ada") == "healthy"


def test_at_a_health_factor_of_95_percent_all_of_it_is() -> None:
    """0.83 × 10 × 915.66 are 0.95 × 8,000 and a little: half. At 915 all, for 8,400 worth."""
    venue = lender()
    venue.mark(**{"WETH-USD": "915.67"})
    assert venue.cash("ada") == "-4000"
    venue = lender()
    venue.mark(**{"WETH-USD": "915.00"})
    assert has(venue, "ada") == ("0", "0.81967214")


def test_a_small_debt_is_repaid_whole() -> None:
    venue = lender(debt="1600", weth="2")
    venue.mark(**{"WETH-USD": "960.00"})
    assert venue.cash("ada") == "0"


def test_what_is_owed_when_no_collateral_is_left_is_a_deficit() -> None:
    """At 700 all WETH go for 6,666.67 of the debt; 1,333.33 are nobody's but the house's."""
    venue = lender()
    entries = venue.mark(**{"WETH-USD": "700.00"})
    assert has(venue, "ada") == ("0", "0")
    (loss,) = of_kind(entries, "loss")
    assert (loss["loss"], loss["deficit"]) == ("1333.33", "1333.33")
    assert venue.ledger("deficit") == "-1333.33"


@pytest.mark.parametrize("marks", [("900", "500", "100"), ("10",), ("960", "959", "930", "1200")])
def test_whatever_it_does_adds_up(marks: tuple[str, ...]) -> None:
    venue = lender()
    for mark in marks:
        venue.mark(**{"WETH-USD": mark})
    assert not venue.cash("ada", "WETH").startswith("-")
    if min(map(float, marks)) < 900:
        assert venue.cash("ada") == "0"
