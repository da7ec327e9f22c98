"""A day at a small venue that a back office can add up by hand, with a day before and one after.

17 June: ada has 1,000.00, bob 10,000.00; the insurance fund 500.00. 18 June, by UTC:
01:00 the mark of BTC is 100.00; 02:00 ada buys 10 from bob at 101.00, fee 1.00; 03:00 mark 110.00;
04:00 funding of 0.50 paid by ada; 05:00 ada sells 4 to bob at 112.00, fee 0.40; 06:00 mark 108.00;
07:00 ada deposits 200.00; 08:00 ada withdraws 50.00. 19 June: a mark of 120.00.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from clearing.books import Period, calendar_of, period_of
from clearing.events import Event
from clearing.ledger import Ledger
from tests.log.small import declarations, event


def at(day: int, hour: int, minute: int = 0) -> dict[str, str]:
    return {"at": f"2024-06-{day}T{hour:02}:{minute:02}:00Z"}


def cash(number: int, kind: str, account: str, amount: str, **fields: Any) -> Event:
    return event(number, kind, account=account, asset="USD", amount=amount, **fields)


def mark(number: int, price: str, **fields: Any) -> Event:
    return event(number, "Marked", marks=[{"market": "BTC", "price": price}], **fields)


def trade(number: int, buyer: str, seller: str, size: str, price: str, **fields: Any) -> Event:
    told = {"market": "BTC", "buyer": buyer, "seller": seller, "size": size, "price": price}
    return event(number, "Traded", **told, **fields)


def funding(number: int, account: str, amount: str, **fields: Any) -> Event:
    return event(number, "FundingPaid", account=account, market="BTC", amount=amount, **fields)


EVENTS = [
    *declarations(),
    cash(10, "Deposited", "ada", "1000.00", **at(17, 10)),
    cash(11, "Deposited", "bob", "10000.00", **at(17, 11)),
    event(12, "FundContributed", fund="insurance", asset="USD", amount="500.00", **at(17, 12)),
    mark(20, "100.00", **at(18, 1)),
    trade(21, "ada", "bob", "10", "101.00", buyer_fee="1.00", **at(18, 2)),
    mark(22, "110.00", **at(18, 3)),
    funding(23, "ada", "-0.50", **at(18, 4)),
    trade(24, "bob", "ada", "4", "112.00", seller_fee="0.40", **at(18, 5)),
    mark(25, "108.00", **at(18, 6)),
    cash(26, "Deposited", "ada", "200.00", **at(18, 7)),
    cash(27, "Withdrawn", "ada", "50.00", **at(18, 8)),
    mark(30, "120.00", **at(19, 1)),
]

DAY: Period = period_of(calendar_of("utc"), "2024-06-18")


@contextmanager
def day(url: str, *more: Event) -> Iterator[Ledger]:
    """The ledger of these days, with more events after them, projected."""
    with Ledger.open(url) as ledger:
        ledger.append([*EVENTS, *more])
        ledger.project()
        yield ledger
