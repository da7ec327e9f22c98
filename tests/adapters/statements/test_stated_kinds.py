"""What a format states at all, so that what it cannot state is not missed in it."""

from pathlib import Path
from typing import get_args

import pytest

from clearing.adapters.base import OptionRefused
from clearing.adapters.statements import (
    STATEMENT_READERS,
    MovementKind,
    StatementReader,
    settled_reader,
)
from tests.adapters.statements.test_sniffing import SETTINGS, format_of, samples

WHOLE = {
    *("binance-history", "binance-income", "bitmex-wallet", "bybit-asset-change"),
    *("bybit-transaction-log", "camt053", "deribit-log", "generic-csv", "kraken-futures-log"),
    *("mt940", "okx-bills", "okx-history"),
}
"""Formats in which everything stands that moved a balance."""


def test_a_log_of_an_account_or_of_a_bank_states_every_kind() -> None:
    assert {name for name, one in STATEMENT_READERS.items() if one.kinds is None} == WHOLE


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("hyperliquid-funding", {"funding"}),
        ("hyperliquid-user-fills", {"realised_pnl", "fee", "rebate"}),
        ("hyperliquid-ledger", {"deposit", "withdrawal", "transfer"}),
        ("dydx-funding", {"funding"}),
        ("dydx-fills", {"fee", "rebate"}),
        ("dydx-pnl", set()),
        ("chain-transfers", {"deposit", "withdrawal"}),
    ],
)
def test_a_page_of_one_thing_states_that_alone(name: str, kinds: set[str]) -> None:
    assert stated(STATEMENT_READERS[name]) == kinds


def stated(reader: StatementReader) -> set[str]:
    assert reader.kinds is not None
    return set(reader.kinds)


def test_every_kind_that_is_stated_is_one() -> None:
    for one in STATEMENT_READERS.values():
        assert (one.kinds or frozenset()) <= set(get_args(MovementKind))


@pytest.mark.parametrize("path", samples(mapped=True), ids=lambda path: path.name)
def test_fills_are_told_only_where_they_are_stated(path: Path) -> None:
    name = format_of(path)
    settings = SETTINGS.get(name, {})
    reader = settled_reader(STATEMENT_READERS[name], settings)
    told = [item for item in reader.read(str(path), settings) if getattr(item, "fill", None)]
    assert reader.fills or not told


def test_a_mapping_states_every_kind_unless_it_says_which(tmp_path: Path) -> None:
    """What lines may be is no limit: a bank that charged no fee still says that there was none."""
    reader = STATEMENT_READERS["generic-csv"]
    mapped = settled_reader(reader, SETTINGS["generic-csv"])
    assert mapped.kinds is None
    assert not mapped.fills
    text = Path(SETTINGS["generic-csv"]["mapping"]).read_text(encoding="utf-8")
    path = tmp_path / "mapping.yaml"
    path.write_text(text + "states: [deposit, withdrawal, fee]\n", encoding="utf-8")
    assert stated(settled_reader(reader, {"mapping": str(path)})) == {
        *("deposit", "withdrawal", "fee")
    }
    path.write_text(text + "states: [deposit, fee]\n", encoding="utf-8")
    with pytest.raises(OptionRefused, match="states: lacks withdrawal, which lines of this"):
        settled_reader(reader, {"mapping": str(path)})
