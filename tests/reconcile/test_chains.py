"""Positions of a file's fills, whichever way the file runs."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal

import pytest

from clearing.adapters.statements import FillLeg, StatementLine
from clearing.reconcile import chains
from clearing.reconcile.chains import FileChain

START = datetime(2024, 5, 1, tzinfo=UTC)


def told(number: int, before: str, size: str = "1", account: str = "ada") -> StatementLine:
    leg = FillLeg("BTC", Decimal(size), Decimal(100), before=Decimal(before))
    at = START + timedelta(seconds=number)
    return StatementLine("s.csv", number, at, account, "", "BTC", (), leg, {})


EARLIEST_FIRST = [
    told(1, "0"),
    told(2, "1"),
    told(3, "5.5", account="bob"),
    told(4, "4.000000000000000000000000000001"),  # leaps by 2 and a little
    told(5, "5.000000000000000000000000000001", "-1"),
]


@pytest.mark.parametrize("order", ["ascending", "descending"])
def test_a_leap_is_found_at_its_fill_whichever_line_stands_first(
    order: Literal["ascending", "descending"],
) -> None:
    chain = FileChain()
    for line in EARLIEST_FIRST if order == "ascending" else reversed(EARLIEST_FIRST):
        chain.see(line)
    gaps, count = chain.gaps(order)
    assert count == 1
    (gap,) = gaps
    assert (gap.account, gap.market, gap.line, gap.at) == (
        "ada",
        "BTC",
        4,
        START + timedelta(seconds=4),
    )
    assert gap.amount == "2.000000000000000000000000000001"


def test_the_first_gaps_are_kept_and_all_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chains, "MOST_GAPS", 2)
    chain = FileChain()
    for number in range(1, 6):
        chain.see(told(number, "7"))
    gaps, count = chain.gaps("ascending")
    assert ([gap.line for gap in gaps], count) == ([2, 3], 4)
