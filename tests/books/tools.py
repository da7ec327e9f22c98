"""The tools that read our exports: beancount, which is a test dependency, and hledger if there."""

import csv
import io
import shutil
import subprocess
import sys
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from beancount import loader
from beancount.core import data, inventory

from clearing.ledger import At, Ledger

Balances = dict[tuple[str, str], Decimal]
"""Balances that are not zero, by account and commodity."""


def bean_check(file: Path) -> subprocess.CompletedProcess[str]:
    """Run ``bean-check`` as its users do."""
    command = [sys.executable, "-m", "beancount.scripts.check", "--no-cache", str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - ours


def beancount_balances(file: Path) -> Balances:
    """Read balances as beancount makes them of the file; it must find nothing wrong with it."""
    entries, errors, _ = loader.load_file(str(file))
    assert not errors, errors[:3]
    balances: dict[str, inventory.Inventory] = {}
    for entry in entries:
        if isinstance(entry, data.Transaction):
            for posting in entry.postings:
                own = balances.setdefault(posting.account, inventory.Inventory())
                own.add_position(posting)
    return _filled(
        (account, position.units.currency, position.units.number)
        for account, own in balances.items()
        for position in own
    )


def beancount_transactions(file: Path) -> list[Any]:
    """Read the transactions of a file."""
    entries, errors, _ = loader.load_file(str(file))
    assert not errors, errors[:3]
    return [entry for entry in entries if isinstance(entry, data.Transaction)]


def hledger(file: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run hledger on a file; the test is skipped where it is not installed."""
    program = shutil.which("hledger")
    if program is None:
        pytest.skip("hledger is not installed here (Debian: apt-get install hledger)")
    command = [program, "-f", str(file), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - ours


def hledger_balances(file: Path) -> Balances:
    """Read balances as hledger makes them of the file."""
    done = hledger(file, "balance", "--flat", "--no-total", "--layout=bare", "-O", "csv")
    assert done.returncode == 0, done.stderr
    rows = list(csv.reader(io.StringIO(done.stdout)))
    assert rows[0] == ["account", "commodity", "balance"]
    return _filled((account, code, Decimal(text)) for account, code, text in rows[1:])


def _filled(balances: Iterable[tuple[str, str, Decimal]]) -> Balances:
    return {(account, code): number for account, code, number in balances if number}


HEADS = {
    "accounts": "Liabilities:Accounts",
    "fund": "Equity:Funds",
    "pending": "Liabilities:Pending",
    "external": "Assets:External",
    "fees": "Income:Fees",
    "interest": "Income:Interest",
    "suspense": "Liabilities:Suspense",
    "rounding": "Expenses:Rounding",
    "deficit": "Expenses:Deficit",
    "adjustment": "Equity:Adjustment",
    "clearing": "Liabilities:Clearing",
    "funding": "Liabilities:Funding",
    "control": "Liabilities:Control",
    "spot": "Equity:Spot",
}
"""Where the page says that each kind of ledger account is."""


def by_kind(balances: Balances) -> dict[tuple[str, str], Decimal]:
    """Add balances up as the trial balance does: by what kind of account they are of."""
    kinds = {head: kind for kind, head in HEADS.items()}
    sums: dict[tuple[str, str], Decimal] = {}
    for (account, code), number in balances.items():
        kind = kinds[":".join(account.split(":")[:2])]
        sums[kind, code] = sums.get((kind, code), Decimal(0)) + number
    return {key: number for key, number in sums.items() if number}


def trial_balance(ledger: Ledger, at: At = None) -> dict[tuple[str, str], Decimal]:
    """The ledger's trial balance by kind, with the tools' sign: what is owed is negative."""
    sums: dict[tuple[str, str], Decimal] = {}
    for line in ledger.trial_balance(at):
        if not line.memo:
            key = line.ledger, line.asset
            sums[key] = sums.get(key, Decimal(0)) - Decimal(line.balance)
    return {key: number for key, number in sums.items() if number}


def cash(ledger: Ledger, at: At = None) -> Balances:
    """The cash of every account, with the tools' sign, by what its account is called there."""
    found = {}
    for view in ledger.accounts(at):
        head = HEADS["fund" if view.account_class == "fund" else "accounts"]
        for scope in view.scopes:
            if Decimal(scope.cash):
                name = view.account[0].upper() + view.account[1:]
                found[f"{head}:{name}", scope.asset] = -Decimal(scope.cash)
    return found
