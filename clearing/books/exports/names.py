"""Names that accounting tools accept, for ledger accounts and assets, each one's own.

Both tools take the same account names. A name of the ledger keeps its letters and digits; anything
else becomes ``-``, and the first letter a capital. Where that is another's name already, which was
declared earlier, a number follows: so what a name becomes never changes as more are declared. The
exports tell each name beside what it became.
"""

from collections.abc import Iterable
from typing import Final

from clearing.events import Registry

_ROOTS: Final = {
    "account": "Liabilities:Accounts",
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
    "contested": "Liabilities:Contested",
    "spot": "Equity:Spot",
}
"""What each kind of ledger account is to the venue; ``fund`` are the accounts of that class."""

_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_PLAIN: Final = frozenset(_LETTERS + _LETTERS.lower() + "0123456789-")
_CODE: Final = frozenset(_LETTERS + "0123456789'._-")
_RESERVED: Final = ("TRUE", "FALSE", "NULL")
"""Words of beancount's own, which no commodity can be called."""


class Names:
    """What the ledger accounts and assets of a registry are called in the journals."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        _, assets, markets, accounts = registry.counts()
        self._assets = _each(
            (_code(registry.asset(n).name) for n in range(1, assets + 1)), _RESERVED
        )
        self._markets = _each(_part(registry.market(n).name) for n in range(1, markets + 1))
        self._accounts = _each(_part(registry.account(n).name) for n in range(1, accounts + 1))

    def commodity(self, asset: int) -> str:
        """Return the commodity that an asset is, by ordinal."""
        return self._assets[asset - 1]

    def account(self, kind: str, ordinal: int) -> str:
        """Return the account that a ledger account is, by kind and ordinal."""
        if kind in ("account", "pending"):
            part = self._accounts[ordinal - 1]
            fund = self.registry.account(ordinal).account_class == "fund"
            return f"{_ROOTS['fund' if fund and kind == 'account' else kind]}:{part}"
        return f"{_ROOTS[kind]}:{self._markets[ordinal - 1]}" if ordinal else _ROOTS[kind]

    def owner(self, kind: str, ordinal: int) -> str:
        """Return the name in the ledger of whose a ledger account is; empty if it is nobody's."""
        if not ordinal:
            return ""
        if kind in ("account", "pending"):
            return self.registry.account(ordinal).name
        return self.registry.market(ordinal).name


def _each(wanted: Iterable[str], taken: Iterable[str] = ()) -> list[str]:
    """Return the wanted names, numbered from 2 where one is taken already."""
    known, counted, given = set(taken), dict[str, int](), []
    for name in wanted:
        own, number = name, counted.get(name, 1)
        while own in known:
            number += 1
            own = f"{name}-{number}"
        counted[name] = number
        known.add(own)
        given.append(own)
    return given


def _part(name: str) -> str:
    """Return a part of an account's name: a capital or digit, then letters, digits and ``-``."""
    return _replaced(name[0].upper() + name[1:], _PLAIN)


def _code(name: str) -> str:
    """Return a commodity: from a capital to a capital or digit, with ``' . _ -`` between them."""
    code = _replaced(name.upper(), _CODE)
    if code[0] not in _LETTERS:
        code = f"X{code}"
    return code if code[-1].isalnum() else f"{code}X"


def _replaced(name: str, allowed: frozenset[str]) -> str:
    return "".join(letter if letter in allowed else "-" for letter in name)
