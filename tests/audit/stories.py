"""A venue told to the fold and stored in a ledger, for questions about scenarios."""

from collections.abc import Iterator
from contextlib import contextmanager

from clearing.ledger import Ledger
from tests.engine.venue import Venue


@contextmanager
def stored(venue: Venue, url: str) -> Iterator[Ledger]:
    """The ledger in which everything that was told at ``venue`` is stored and projected."""
    with Ledger.open(url) as ledger:
        ledger.append(venue.events)
        ledger.project()
        yield ledger
