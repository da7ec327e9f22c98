"""A small ledger with a desk at it, and statements of it in a format of the tests' own."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from clearing.adapters.statements import STATEMENT_READERS
from clearing.ledger import Ledger
from clearing.reconcile import Reconciliation

START = datetime(2024, 5, 1, tzinfo=UTC)
HEADER = [
    *("timestamp", "transactType", "transactStatus", "currency", "amount", "fee"),
    *("walletBalance", "transactID", "address"),
]


@dataclass
class Day:
    """A ledger of one account, in XBT, and what its venue states of it."""

    ledger: Ledger
    folder: Path
    files: int = 0

    def __post_init__(self) -> None:
        base = {"source": "venue", "occurred_at": START.isoformat()}
        self.append(
            {**base, "kind": "SourceDeclared", "name": "venue", "description": "a venue"},
            {**base, "kind": "AssetDeclared", "name": "XBT", "decimals": 8},
            {**base, "kind": "AccountOpened", "account": "ada"},
            {**base, "kind": "AccountOpened", "account": "small-change"},
        )

    def append(self, *documents: dict[str, Any]) -> None:
        """Append events, each with an identity of its own if it has none."""
        given = [
            {"source": "venue", "external_id": f"e{self.ledger.status().log_position}-{i}", **one}
            for i, one in enumerate(documents)
        ]
        self.ledger.append(given)
        self.ledger.project()

    def deposit(self, native: str, amount: str, hour: int) -> None:
        """Deposit into ada's account in an hour."""
        self.append(
            {
                "kind": "Deposited",
                "external_id": native,
                "occurred_at": (START + timedelta(hours=hour)).isoformat(),
                "account": "ada",
                "asset": "XBT",
                "amount": amount,
            }
        )

    def state(
        self, *lines: tuple[str, int, int, int], person: str = "ann", currency: str = "XBt"
    ) -> None:
        """Take in what the venue states: (native id, hour, satoshi, balance after)."""
        self.files += 1
        path = written(self.folder / f"statement-{self.files}.csv", rows(lines, currency))
        taken = self.ledger.desk(person).take(
            STATEMENT_READERS["bitmex-wallet"], str(path), account="ada"
        )
        assert taken.new, taken

    def reconcile(self, **options: Any) -> Reconciliation:
        """Reconcile ada's account."""
        return self.ledger.desk("ann").reconcile("bitmex", "ada", **options)


def rows(lines: Sequence[tuple[str, int, int, int]], currency: str = "XBt") -> list[dict[str, str]]:
    """What a venue states: (native id, hour, satoshi, balance after)."""
    return [
        {
            "timestamp": (START + timedelta(hours=hour)).isoformat().replace("+00:00", "Z"),
            "transactType": "Deposit" if amount > 0 else "Withdrawal",
            "transactStatus": "Completed",
            "currency": currency,
            "amount": str(amount),
            "fee": "0",
            "walletBalance": str(balance),
            "transactID": native,
            "address": "",
        }
        for native, hour, amount, balance in lines
    ]


def written(path: Path, content: Sequence[dict[str, str]]) -> Path:
    """Write rows as a wallet history."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, HEADER, lineterminator="\n")
        writer.writeheader()
        writer.writerows(content)
    return path
