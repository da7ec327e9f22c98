"""No file of one format is taken for another: made-up files of each, and every real one."""

import json
from pathlib import Path
from typing import Any

import pytest

from clearing.adapters.statements import STATEMENT_READERS, sniff_statement
from clearing.adapters.statements.sniffing import beginning
from tests.adapters.statements import (
    test_bitmex,
    test_deribit,
    test_dydx,
    test_hyperliquid,
    test_kraken_futures,
)

HEADERS = {
    "bitmex-wallet": test_bitmex.HEADER,
    "deribit-log": test_deribit.NEWEST,
    "kraken-futures-log": test_kraken_futures.HEADER,
}
PAGES: dict[str, Any] = {
    "deribit-log": {"result": {"logs": [test_deribit.record()], "continuation": None}},
    "dydx-fills": {"fills": [test_dydx.fill()]},
    "dydx-funding": {"fundingPayments": [test_dydx.payment()]},
    "dydx-pnl": {"historicalPnl": [test_dydx.tick()]},
    "dydx-transfers": {"transfers": [test_dydx.transfer("DEPOSIT")]},
    "hyperliquid-funding": [test_hyperliquid.paid()],
    "hyperliquid-ledger": [test_hyperliquid.update("deposit", usdc="1")],
    "hyperliquid-user-fills": [test_hyperliquid.fill()],
}
REAL = {
    "bitmex/walletHistory_2020_2022.csv.gz": "bitmex-wallet",
    "dydx/api_shapes_nautilus/http_get_fills.json": "dydx-fills",
    "hyperliquid/api_shapes_nautilus/ws_user_fill_liquidation.json": "hyperliquid-user-fills",
    "kraken_futures/account_log_excerpt.csv": "kraken-futures-log",
}
VENUES = ("deribit", "dydx", "hyperliquid", "kraken")


@pytest.mark.parametrize("name", sorted(HEADERS))
def test_a_header_is_of_one_format(tmp_path: Path, name: str) -> None:
    path = tmp_path / "file.csv"
    path.write_text(",".join(HEADERS[name]) + "\n", encoding="utf-8")
    assert sniff_statement(str(path)).name == name


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_page_is_of_one_format(tmp_path: Path, name: str, indent: int | None) -> None:
    path = tmp_path / "page.json"
    path.write_text(json.dumps(PAGES[name], indent=indent), encoding="utf-8")
    assert sniff_statement(str(path)).name == name


def test_every_real_file_is_of_its_format_or_of_none_here(shared_data: Path) -> None:
    """Formats of other venues are theirs to recognise; none of ours may take their files."""
    folder = shared_data / "data/statements"
    ours = [one for one in STATEMENT_READERS.values() if one.name.startswith(VENUES)]
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    assert len(files) > 20
    for path in files:
        start = beginning(str(path))
        taken = [reader.name for reader in ours if reader.sniff(start)]
        expected = REAL.get(str(path.relative_to(folder)), "")
        assert taken == ([expected] if expected.startswith(VENUES) else []), path
