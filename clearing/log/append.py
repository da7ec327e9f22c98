"""Appending: atomic batches, idempotent by identity, in one gapless order.

A batch is encoded and hashed before the head row is locked, so writers wait for each other only
while rows are copied in. The optimistic path copies straight away; only if an identity turns out to
be taken is the batch sorted into new, duplicate and conflicting events. A batch of nothing but
duplicates writes nothing, no receipt either: the receipts it had are still true.
"""

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from types import MappingProxyType
from typing import Final

from psycopg import errors, sql

from clearing.database.faults import fault_point
from clearing.events import Event, EventRefused, EventRow, Registry, decode, encode, pack
from clearing.events.canonical import canonical_json
from clearing.events.fields import from_microseconds
from clearing.events.kinds import REGISTRY_KINDS
from clearing.log.head import Connection, Head, load_registry, may_assume, read_head
from clearing.log.merkle import Frontier, leaf_hash
from clearing.log.receipts import BatchRefused, Conflict, Receipt, receipt_leaf
from clearing.log.wire import COLUMNS, identity_copy, log_copy, read_copy

BATCH: Final = 10_000
"""Events in a batch unless another size is asked for."""

MAX_BATCH: Final = 100_000
"""The most events that one batch may hold."""

CHANNEL: Final = "clearing_log"
"""The NOTIFY channel that wakes tailing readers; it carries no information they rely on."""


class _Batch:
    """A batch on its way: the rows still to be written, by index, and the duplicates found.

    ``duplicates`` maps an index to the position where the log has that event already, ``repeats``
    to the index of the same event earlier in the batch. ``registry`` knows what the batch declares.
    """

    __slots__ = (
        "declares",
        "duplicates",
        "events",
        "leaves",
        "registry",
        "repeats",
        "rows",
        "unknown",
    )

    def __init__(self, events: Sequence[Event], registry: Registry) -> None:
        self.events = events
        self.registry = registry
        self.rows: dict[int, EventRow] = {}
        self.leaves: dict[int, bytes] = {}
        self.duplicates: dict[int, int] = {}
        self.repeats: dict[int, int] = {}
        self.declares = False
        self.unknown = False


class LogWriter:
    """Appends to the log over one connection (which must not be used for anything else meanwhile).

    The registry is kept between batches and refreshed when another writer has declared names.
    """

    def __init__(self, connection: Connection) -> None:
        if not connection.autocommit:
            raise ValueError("a LogWriter needs an autocommit connection: it opens transactions")
        self._connection = connection
        with connection.transaction():
            self._head = read_head(connection)
            self._registry = load_registry(connection)
            self._sets_role = may_assume(connection, "clearing_appender")
        self._partitions: set[int] = set()
        self._repeating = False

    @property
    def registry(self) -> Registry:
        """The names declared as far as this writer knows."""
        return self._registry

    def append(
        self, events: Sequence[Event], *, set_aside: dict[int, EventRefused] | None = None
    ) -> Receipt:
        """Append ``events`` as one batch: all of them or none.

        With ``set_aside``, events that cannot be stored are put there by their index, and the batch
        is the others. Raises :class:`BatchRefused` if one cannot be stored, :class:`Conflict` if an
        identity stands for other content, :class:`ValueError` for more than :data:`MAX_BATCH`
        events.
        """
        if len(events) > MAX_BATCH:
            raise ValueError(f"a batch of {len(events)} events; at most {MAX_BATCH} are accepted")
        connection = self._connection
        self._refresh()
        batch = self._encoded(events, set_aside)
        fault_point("append_after_encode")
        with connection.transaction():
            if self._sets_role:
                connection.execute("SET LOCAL ROLE clearing_appender")
            head = read_head(connection, lock=True)
            fault_point("append_after_lock")
            if head.counts != self._registry.counts() and (batch.declares or batch.unknown):
                self._registry = load_registry(connection)
                batch = self._encoded(events, set_aside)
            recorded_at = max(head.recorded_at, time.time_ns() // 1000)
            ahead: dict[int, EventRefused] = {}
            while found := self._ahead_of_clock(batch, recorded_at):
                if set_aside is None:
                    raise BatchRefused(*min(found.items()))
                ahead |= found
                batch = self._encoded(events, set_aside, ahead)
            receipt = self._write(head, batch, recorded_at)
            fault_point("append_before_commit")
        fault_point("append_after_commit")
        self._registry = batch.registry
        return receipt

    def append_many(self, events: Iterable[Event], batch: int = BATCH) -> Iterator[Receipt]:
        """Append ``events`` in batches, yielding each batch's receipt as it is committed."""
        iterator = iter(events)
        while chunk := list(islice(iterator, batch)):
            yield self.append(chunk)

    def _refresh(self) -> None:
        """Take up names that other writers declared since."""
        with self._connection.transaction():
            head = read_head(self._connection)
            if head.counts != self._registry.counts():
                self._registry = load_registry(self._connection)

    def _encoded(
        self,
        events: Sequence[Event],
        set_aside: dict[int, EventRefused] | None,
        without: Mapping[int, EventRefused] = MappingProxyType({}),
    ) -> _Batch:
        """Encode and hash; sort out what is a duplicate within the batch or declared already.

        Events ``without`` which the batch is to be are set aside with the reason given.
        """
        if set_aside is not None:
            set_aside.clear()
            set_aside.update(without)
        registry = self._registry
        batch = _Batch(events, registry)
        seen: dict[str, dict[str, int]] = {}
        for index, event in enumerate(events):
            if without and index in without:
                continue
            ids = seen.get(event.source)
            if ids is None:
                ids = seen[event.source] = {}
            first = ids.setdefault(event.external_id, index)
            if first != index:
                if event != events[first] and not _same(batch, first, event, registry):
                    raise Conflict(index, 0, events[first], event)
                batch.repeats[index] = first
                continue
            try:
                row = encode(event, registry)
            except EventRefused as refusal:
                position = self._stored_as(index, event)
                if position is None:
                    if set_aside is None:
                        raise BatchRefused(index, refusal) from None
                    set_aside[index] = refusal
                    del ids[event.external_id]
                    continue
                batch.duplicates[index] = position
                continue
            if row.kind in REGISTRY_KINDS:
                if not batch.declares:
                    registry = batch.registry = registry.copy()
                    batch.declares = True
                registry.apply(row)
            batch.unknown = batch.unknown or '"unknown"' in row.detail
            batch.rows[index] = row
            batch.leaves[index] = leaf_hash(pack(row))
        return batch

    def _stored_as(self, index: int, event: Event) -> int | None:
        """Return where the log has an event that cannot be encoded because it is declared."""
        source = self._registry.source_ordinals.get(event.source, 0)
        position = position_of(self._connection, source, event.external_id)
        if position is None:
            return None
        stored = decode(read_at(self._connection, position)[0], self._registry)
        if stored != event:
            raise Conflict(index, position, stored, event)
        return position

    def _write(self, head: Head, batch: _Batch, recorded_at: int) -> Receipt:
        """Write what is new, under the lock; look for duplicates only where some are likely.

        That is if an identity is taken, and after a batch in which some were.
        """
        repeating = self._repeating
        if repeating:
            self._drop_stored(batch)
        try:
            with self._connection.transaction():
                tree = self._copy(head, batch)
        except errors.UniqueViolation:
            repeating = True
            self._drop_stored(batch)
            tree = self._copy(head, batch)
        self._repeating = repeating and bool(batch.duplicates)
        duplicates = dict(batch.duplicates)
        for index, first in batch.repeats.items():
            row = batch.rows.get(first)
            duplicates[index] = duplicates[first] if row is None else row.position
        if not batch.rows:
            return Receipt(
                head.batch,
                0,
                0,
                duplicates,
                head.position,
                head.root,
                head.recorded_at,
                {},
            )
        return self._receipt(head, batch, duplicates, recorded_at, tree)

    def _ahead_of_clock(self, batch: _Batch, recorded_at: int) -> dict[int, EventRefused]:
        """Return, by index, what happened further ahead of our clock than its source may be."""
        found: dict[int, EventRefused] = {}
        if max((row.occurred_at for row in batch.rows.values()), default=0) <= recorded_at:
            return found
        for index, row in batch.rows.items():
            # A source that declares itself is held to what it declares.
            source = row.source or batch.registry.source_ordinals[batch.events[index].source]
            bound = batch.registry.source(source).clock_bound
            if row.occurred_at > recorded_at + bound:
                found[index] = EventRefused(
                    "occurred_at",
                    from_microseconds(row.occurred_at).isoformat(),
                    f"is more than {bound // 1_000_000} s ahead of our clock, which is as far as"
                    " its source may be",
                )
        return found

    def _copy(self, head: Head, batch: _Batch) -> Frontier:
        """Give positions, copy rows and identities in, and return the tree with the new leaves."""
        tree = Frontier.from_bytes(head.position, head.frontier)
        if not batch.rows:
            return tree
        connection = self._connection
        for position, row in enumerate(batch.rows.values(), start=head.position + 1):
            row.position = position
        last = head.position + len(batch.rows)
        size = head.partition_size
        for number in range(head.position // size, (last - 1) // size + 1):
            if number not in self._partitions:
                connection.execute("SELECT clearing.ensure_partition(%s)", (number * size + 1,))
        rows = batch.rows
        with connection.cursor() as cursor:
            with cursor.copy(
                "COPY clearing.log_identity (source, external_id, position)"
                " FROM STDIN (FORMAT BINARY)"
            ) as copy:
                registry = batch.registry
                for part in identity_copy(
                    (*_identity_of(row, registry), row.position) for row in rows.values()
                ):
                    copy.write(part)
            with cursor.copy(
                sql.SQL("COPY clearing.log ({}) FROM STDIN (FORMAT BINARY)").format(
                    sql.SQL(COLUMNS)
                )
            ) as copy:
                for part in log_copy((row, batch.leaves[index]) for index, row in rows.items()):
                    middle = len(part) // 2
                    copy.write(part[:middle])
                    fault_point("append_mid_copy")
                    copy.write(part[middle:])
                # While the server still works on the last parts.
                for index in rows:
                    tree.append(batch.leaves[index])
        return tree

    def _drop_stored(self, batch: _Batch) -> None:
        """Take the events that are stored already out of the batch; other content is a conflict."""
        wanted = [
            (index, row, _identity_of(row, batch.registry)) for index, row in batch.rows.items()
        ]
        query = (
            "SELECT i.source, i.external_id, i.position, l.leaf"
            " FROM unnest(%s::int[], %s::text[]) AS w (source, external_id)"
            " JOIN clearing.log_identity i USING (source, external_id)"
            " JOIN clearing.log l USING (position)"
        )
        sources = [identity[0] for _, _, identity in wanted]
        identifiers = [identity[1] for _, _, identity in wanted]
        found = self._connection.execute(query, (sources, identifiers)).fetchall()
        taken = {(row[0], row[1]): (row[2], row[3]) for row in found}
        for index, row, identity in wanted:
            if identity not in taken:
                continue
            position, leaf = taken[identity]
            if leaf != batch.leaves[index]:
                before = decode(read_at(self._connection, position)[0], batch.registry)
                if before != decode(row, batch.registry):
                    raise Conflict(index, position, before, batch.events[index])
            batch.duplicates[index] = position
            del batch.rows[index], batch.leaves[index]

    def _receipt(
        self,
        head: Head,
        batch: _Batch,
        duplicates: dict[int, int],
        recorded_at: int,
        tree: Frontier,
    ) -> Receipt:
        """Write the receipt and move the head to where ``tree`` is."""
        connection = self._connection
        first, size, root = head.position + 1, tree.size, tree.root()
        coverage = _coverage(batch)
        number = head.batch + 1
        text = canonical_json({source: list(span) for source, span in coverage.items()})
        leaf = receipt_leaf(number, first, size, len(duplicates), size, root, recorded_at, text)
        receipts = Frontier.from_bytes(head.batch, head.receipt_frontier)
        receipts.append(leaf)
        connection.execute(
            "INSERT INTO clearing.log_receipt VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
            (number, first, size, len(duplicates), size, root, recorded_at, text, leaf),
        )
        counts = list(head.counts)
        if batch.declares:
            for row in batch.rows.values():
                if row.kind in REGISTRY_KINDS:
                    counts[row.kind - 1] += 1
        connection.execute(
            "UPDATE clearing.log_head SET position = %s, root = %s, frontier = %s, batch = %s,"
            " receipt_root = %s, receipt_frontier = %s, recorded_at = %s,"
            " sources = %s, assets = %s, markets = %s, accounts = %s",
            (
                size,
                root,
                tree.to_bytes(),
                number,
                receipts.root(),
                receipts.to_bytes(),
                recorded_at,
                *counts,
            ),
        )
        connection.execute("SELECT pg_notify(%s, %s)", (CHANNEL, str(size)))
        return Receipt(number, first, size, duplicates, size, root, recorded_at, coverage)


def _coverage(batch: _Batch) -> dict[str, tuple[int, int]]:
    """Return, per source, the earliest and latest time of the batch's new events."""
    coverage: dict[str, tuple[int, int]] = {}
    for index, row in batch.rows.items():
        source, moment = batch.events[index].source, row.occurred_at
        first, last = coverage.get(source, (moment, moment))
        if not first <= moment <= last or source not in coverage:
            coverage[source] = (min(first, moment), max(last, moment))
    return coverage


def read_at(connection: Connection, position: int) -> tuple[EventRow, bytes]:
    """Return the stored row and leaf at ``position`` (:class:`KeyError` if there is none)."""
    query = (
        f"COPY (SELECT {COLUMNS} FROM clearing.log WHERE position = %s) TO STDOUT (FORMAT BINARY)"  # noqa: S608 - constant columns
    )
    with connection.cursor() as cursor, cursor.copy(query, (position,)) as copy:
        rows = read_copy(b"".join(copy))
    if not rows:
        raise KeyError(f"there is no event at log position {position}")
    return rows[0]


def _identity_of(row: EventRow, registry: Registry) -> tuple[int, str]:
    """Return the (source ordinal, external id) that must be unique for ``row``.

    A source that declares itself has no ordinal in its row yet; its declaration stands under the
    one that it gets by it, so that the source can use that external id for nothing else.
    """
    if row.source:
        return (row.source, row.external_id)
    name = json.loads(row.detail)["name"]
    return (registry.source_ordinals[name], row.external_id)


def _same(batch: _Batch, first: int, event: Event, registry: Registry) -> bool:
    """Whether ``event`` is stored as the very content of the batch's event ``first``."""
    try:
        return batch.leaves.get(first) == leaf_hash(pack(encode(event, registry)))
    except EventRefused:
        return False


def position_of(connection: Connection, source: int, external_id: str) -> int | None:
    """Return the position of an identity, or None if it was never used."""
    row = connection.execute(
        "SELECT position FROM clearing.log_identity WHERE source = %s AND external_id = %s",
        (source, external_id),
    ).fetchone()
    return None if row is None else int(row[0])
