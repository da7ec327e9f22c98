"""Several files of one run in one order, before positions are given.

The order is (``occurred_at``, kind, file as declared, line). Kinds stand in the order in which a
moment must be told for it to make sense: names first, then rules, states, cash, opening positions,
trades, prices, funding, corrections, the clock.
"""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from clearing.adapters.base import Located, Refusal
from clearing.events import Event
from clearing.events.fields import to_microseconds

MAX_EVENTS: Final = 1_000_000
"""The most events that :func:`merge` sorts in memory (about 1.5 kB each)."""

_RANKS: Final = {
    kind: rank
    for rank, kinds in enumerate(
        (
            ("SourceDeclared", "AssetDeclared", "MarketDeclared", "AccountOpened"),
            ("RulebookAdopted",),
            ("MarketStateChanged",),
            (
                "Deposited",
                "DepositConfirmed",
                "Withdrawn",
                "Transferred",
                "FundContributed",
                "FundWithdrawn",
                "PoolJoined",
                "PoolLeft",
                "PoolLeaveRequested",
                "PoolLeaveCancelled",
                "Adjusted",
            ),
            ("PositionCarried", "LeverageSet"),
            ("Filled", "Traded", "AuctionTaken", "AuctionBid"),
            (
                "OrdersObserved",
                "OpenInterestObserved",
                "DepthObserved",
                "RiskArrayPublished",
                "RiskScored",
                "DeleveragingRanked",
            ),
            ("PriceObserved", "PremiumSampled", "Marked"),
            ("FundingSettled", "FundingPaid", "InterestSettled", "InterestPaid"),
            ("MarketSettled",),
            ("Reversed",),
            ("ClockTicked",),
            ("StateCertified", "RestatementAccepted"),
        )
    )
    for kind in kinds
}

Key = tuple[int, int, int, int]


class MergeRefused(ValueError):  # noqa: N818 - reads as the statement that it is
    """The files cannot be merged as asked: too many to sort, or not sorted as promised."""


def kind_rank(kind: str) -> int:
    """Return the place of ``kind`` among the events of one moment."""
    return _RANKS[kind]


def merge_key(event: Event, file: int, line: int) -> Key:
    """Return what orders ``event``, read from line ``line`` of the ``file``-th file of a run."""
    return (to_microseconds(event.occurred_at), _RANKS[event.kind], file, line)


def merge(
    files: Sequence[Iterable[Located | Refusal]], *, max_events: int = MAX_EVENTS
) -> Iterator[Located | Refusal]:
    """Yield everything in ``files`` in merge order: refusals first, as met, then the events.

    All events are held in memory; more than ``max_events`` raise :class:`MergeRefused`. Files
    that are sorted already need no such bound: see :func:`merge_sorted`.
    """
    keyed: list[tuple[Key, Located]] = []
    for number, file in enumerate(files):
        for item in file:
            if isinstance(item, Refusal):
                yield item
                continue
            if len(keyed) >= max_events:
                raise MergeRefused(
                    f"{item.file}:{item.line}: more than {max_events} events to sort in memory;"
                    " sort each file by occurred_at and say that they are sorted,"
                    " or append fewer files at a time"
                )
            keyed.append((merge_key(item.event, number, item.line), item))
    keyed.sort(key=lambda pair: pair[0])
    for _, located in keyed:
        yield located


def merge_sorted(files: Sequence[Iterable[Located | Refusal]]) -> Iterator[Located | Refusal]:
    """Yield everything in ``files`` in merge order, holding one event of each file.

    Each file must be in merge order by itself; the first event that is not raises
    :class:`MergeRefused` with its place. A refusal comes when its file is read that far.
    """
    streams = [_keyed(number, file) for number, file in enumerate(files)]
    for _, item in heapq.merge(*streams, key=lambda pair: pair[0]):
        yield item


def _keyed(
    number: int, file: Iterable[Located | Refusal]
) -> Iterator[tuple[Key, Located | Refusal]]:
    last: Key = (-1, -1, number, -1)
    for item in file:
        if isinstance(item, Refusal):
            yield last, item
            continue
        key = merge_key(item.event, number, item.line)
        if key < last:
            raise MergeRefused(
                f"{item.file}:{item.line}: {item.event.kind} {item.event.external_id!r} stands"
                " after a later event; sort the file by occurred_at, or let it be sorted here"
            )
        last = key
        yield key, item


def in_given_order(files: Iterable[Iterable[Located | Refusal]]) -> Iterator[Located | Refusal]:
    """Yield everything file by file, line by line: for files that are in log order already."""
    for file in files:
        yield from file
