"""Three legs over the same money: the ledger, the venue's statement, and the chain."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from clearing.adapters.statements import STATEMENT_READERS
from clearing.ledger import Ledger
from tests.reconcile.desk import Day

HEADER = "time,chain,tx_hash,log_index,from,to,asset,amount,fee,fee_asset,block,status"


@pytest.fixture
def day(database_url: str, tmp_path: Path) -> Iterator[Day]:
    with Ledger.open(database_url) as ledger:
        yield Day(ledger, tmp_path)


def chain(day: Day, *transfers: tuple[str, int, str]) -> None:
    """Take in what the chain states: (transaction, hour, amount into our address)."""
    lines = [
        f"2024-05-01T{hour:02}:00:00Z,btc,{name},,theirs,ours,XBT,{amount},,,1,success"
        for name, hour, amount in transfers
    ]
    path = day.folder / "chain.csv"
    path.write_text("\n".join([HEADER, *lines]) + "\n", encoding="utf-8")
    desk = day.ledger.desk("ann")
    taken = desk.take(
        STATEMENT_READERS["chain-transfers"],
        str(path),
        account="*",
        leg="chain",
        settings={"addresses": "ours"},
    )
    assert taken.new, taken.refusals
    desk.reconcile("chain", "*", leg="chain")


def test_a_movement_agrees_where_the_venue_and_the_chain_have_it(day: Day) -> None:
    """Of three deposits the chain lacks the second; the third came after all statements."""
    for native, hour in (("a", 1), ("b", 2), ("c", 3), ("d", 9)):
        day.deposit(native, "1", hour)
    day.state(
        *(
            (native, hour, 100_000_000, hour * 100_000_000)
            for native, hour in (("a", 1), ("b", 2), ("c", 3))
        )
    )
    day.reconcile()
    chain(day, ("a", 1, "1"), ("c", 3, "1"))
    lines = day.ledger.desk("ann").three_way("ada")
    assert [(one.external_id, one.legs, one.agrees) for one in lines] == [
        ("a", {"venue": "matched", "chain": "matched", "bank": "not covered"}, True),
        ("b", {"venue": "matched", "chain": "missing", "bank": "not covered"}, False),
        ("c", {"venue": "matched", "chain": "matched", "bank": "not covered"}, True),
        ("d", {"venue": "not covered", "chain": "not covered", "bank": "not covered"}, False),
    ]
    assert lines[0].rules == {"venue": "native id", "chain": "native id"}
    breaks = day.ledger.desk("ann").breaks(status="open")
    assert [(one.leg, one.type) for one in breaks] == [("chain", "missing_there")]
