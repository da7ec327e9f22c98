"""Which scopes a mark must examine: the interface, and the naive watch that examines everyone.

A watch only chooses whom to look at. The naive watch is the oracle: whatever another watch leaves
out must be something whose test would have changed nothing.
"""

from collections.abc import Iterable
from typing import Protocol

from clearing.engine.book import Book
from clearing.engine.market import Market
from clearing.engine.scope import Scope
from clearing.engine.valuation import Measure


class Watch(Protocol):
    """Chooses the scopes to test when a mark changes."""

    def on_mark(self, market: Market, before: int) -> Iterable[Scope]:
        """Return the scopes to test now that the mark moved from ``before`` (0: there was none)."""

    def holds(self, book: Book, scope: Scope) -> bool:
        """Whether a test of ``scope`` is bound to find it as healthy as the last one did."""

    def examined(self, book: Book, scope: Scope, now: Measure) -> None:
        """Take note of the outcome of a test that left ``scope`` as it is now."""


class NaiveWatch:
    """Examines every holder of the market whose mark changed."""

    __slots__ = ()

    def on_mark(self, market: Market, before: int) -> Iterable[Scope]:
        """Return every holder of the market."""
        del before  # whatever the mark was, everybody is examined
        return market.affected()

    def holds(self, book: Book, scope: Scope) -> bool:
        """Vouch for nobody."""
        del book, scope
        return False

    def examined(self, book: Book, scope: Scope, now: Measure) -> None:
        """Remember nothing."""
