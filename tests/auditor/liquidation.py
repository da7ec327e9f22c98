"""Liquidation: the rounds in which due scopes act."""

from tests.auditor.state import Book


def act(book: Book) -> bool:
    """One round; return whether a scope acted."""
    del book
    return False
