"""The importers by name, and which of them a file looks made for."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from clearing.adapters.base import Importer
from clearing.adapters.binance import BINANCE
from clearing.adapters.files import STDIN, first_line, split_csv
from clearing.adapters.hyperliquid_fills import HYPERLIQUID_FILLS
from clearing.adapters.statements.hyperliquid_node import HYPERLIQUID_NODE_FILLS
from clearing.adapters.statements.importing import StatementImporter
from clearing.adapters.statements.sniffing import STATEMENT_READERS

_ALL: Final[tuple[Importer, ...]] = (
    HYPERLIQUID_FILLS,
    BINANCE,
    *(
        StatementImporter(reader)
        for reader in STATEMENT_READERS.values()
        # Of all accounts, and imported with its fills by HYPERLIQUID_FILLS.
        if reader is not HYPERLIQUID_NODE_FILLS
    ),
)

IMPORTERS: Final[Mapping[str, Importer]] = MappingProxyType(
    {importer.name: importer for importer in _ALL}
)
"""Every importer, by the name that ``clearing import`` takes; statements' tell their cash."""


def sniff_importer(path: str) -> Importer | None:
    """Return the importer whose format the first line of ``path`` has; None if none or several.

    Standard input is not looked at.
    """
    if path == STDIN:
        return None
    try:
        header = split_csv(first_line(path))
    except ValueError:
        return None
    found = [importer for importer in IMPORTERS.values() if importer.sniff(header)]
    return found[0] if len(found) == 1 else None
