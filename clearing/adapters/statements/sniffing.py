"""Which statement format a file is of, and the files of a directory of pages."""

from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

from clearing.adapters.base import Refusal
from clearing.adapters.files import STDIN, read_blocks, split_csv
from clearing.adapters.statements.base import Beginning, StatementReader
from clearing.adapters.statements.binance_account import BINANCE_ACCOUNT_UPDATE
from clearing.adapters.statements.binance_history import BINANCE_HISTORY
from clearing.adapters.statements.binance_income import BINANCE_INCOME
from clearing.adapters.statements.bitmex import BITMEX_WALLET
from clearing.adapters.statements.bybit import BYBIT_ASSET_CHANGE, BYBIT_TRANSACTION_LOG
from clearing.adapters.statements.camt053 import CAMT053
from clearing.adapters.statements.chain_transfers import CHAIN_TRANSFERS
from clearing.adapters.statements.deribit import DERIBIT_LOG
from clearing.adapters.statements.dydx import (
    DYDX_FILLS,
    DYDX_FUNDING,
    DYDX_PNL,
    DYDX_TRANSFERS,
)
from clearing.adapters.statements.generic_csv import GENERIC_CSV, GenericCsv
from clearing.adapters.statements.hyperliquid import HYPERLIQUID_FUNDING, HYPERLIQUID_USER_FILLS
from clearing.adapters.statements.hyperliquid_ledger import HYPERLIQUID_LEDGER
from clearing.adapters.statements.hyperliquid_node import HYPERLIQUID_NODE_FILLS
from clearing.adapters.statements.kraken_futures import KRAKEN_FUTURES_LOG
from clearing.adapters.statements.mt940 import MT940
from clearing.adapters.statements.okx import OKX_BILLS, OKX_HISTORY

STATEMENT_READERS: Final[Mapping[str, StatementReader]] = MappingProxyType(
    {
        reader.name: reader
        for reader in (
            BITMEX_WALLET,
            BINANCE_HISTORY,
            BINANCE_INCOME,
            BINANCE_ACCOUNT_UPDATE,
            BYBIT_ASSET_CHANGE,
            BYBIT_TRANSACTION_LOG,
            DERIBIT_LOG,
            DYDX_FILLS,
            DYDX_FUNDING,
            DYDX_PNL,
            DYDX_TRANSFERS,
            HYPERLIQUID_FUNDING,
            HYPERLIQUID_LEDGER,
            HYPERLIQUID_NODE_FILLS,
            HYPERLIQUID_USER_FILLS,
            KRAKEN_FUTURES_LOG,
            OKX_HISTORY,
            OKX_BILLS,
            CAMT053,
            MT940,
            CHAIN_TRANSFERS,
            GENERIC_CSV,
        )
    }
)
"""Every statement format, by the name that the command line takes."""

_BEGINNING: Final = 64 * 1024


class FormatUnknown(ValueError):  # noqa: N818 - reads as the statement that it is
    """A file whose format was not recognised, or that looks like several."""


def beginning(path: str) -> Beginning:
    """Return how the file at ``path`` begins; what cannot be read ends it.

    Bytes that are no text are shown as such: XML may declare another encoding, and a page may be
    one long line.
    """
    start = b""
    for block in read_blocks(path):
        if isinstance(block, Refusal) or len(start) >= _BEGINNING:
            break
        start += block
    encoding = "utf-16" if start.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-8-sig"
    text = start[:_BEGINNING].decode(encoding, "replace")
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    lines = [line for line in lines if line.strip(" \t")]
    try:
        header = split_csv(lines[0]) if lines else []
    except ValueError:
        header = []
    return Beginning("\n".join(lines), tuple(name.strip() for name in header))


def sniff_statement(path: str) -> StatementReader:
    """Return the reader of the format that a file begins like.

    Raises :class:`FormatUnknown` where that is none, or several; standard input is not looked at.
    """
    if path == STDIN:
        raise FormatUnknown("standard input is not looked at before it is read; name its format")
    start = beginning(path)
    found = [reader for reader in STATEMENT_READERS.values() if reader.sniff(start)]
    if len(found) == 1:
        return found[0]
    known = ", ".join(STATEMENT_READERS)
    if not found:
        raise FormatUnknown(f"{path}: no format begins like this; known are {known}")
    names = ", ".join(reader.name for reader in found)
    raise FormatUnknown(f"{path}: may be {names}; name the one that it is")


def settled_reader(reader: StatementReader, settings: Mapping[str, str]) -> StatementReader:
    """Return the reader that settings make of one: a mapping has its own venue and balances.

    Raises :class:`~clearing.adapters.base.OptionRefused`.
    """
    return reader.mapped(settings) if isinstance(reader, GenericCsv) else reader


def statement_files(paths: Sequence[str]) -> list[str]:
    """Return the files that paths name: of a directory, those in it, by name (no hidden ones).

    Raises :class:`FileNotFoundError` for what is not there and :class:`ValueError` for an empty
    directory.
    """
    found: list[str] = []
    for path in paths:
        if path == STDIN or Path(path).is_file():
            found.append(path)
        elif Path(path).is_dir():
            inside = sorted(
                str(one)
                for one in Path(path).iterdir()
                if one.is_file() and not one.name.startswith(".")
            )
            if not inside:
                raise ValueError(f"{path}: the directory has no files")
            found += inside
        else:
            raise FileNotFoundError(f"{path}: there is no such file or directory")
    return found
