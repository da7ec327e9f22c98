"""Stored rows in Postgres' binary COPY format, both ways.

Every column is NOT NULL and all numbers come first, so a row is one packed head followed by four
variable fields. Few large messages instead of one object per column is what makes both directions
fast.
"""

import struct
from collections.abc import Iterable, Iterator
from typing import Final

from clearing.events.row import EventRow

COLUMNS: Final = (
    "position, kind, version, flags, source, account, contra, market, asset, occurred_at,"
    " quantity, price, amount, fee, external_id, trade_id, detail, leaf"
)
"""The columns of ``clearing.log`` in the order of the wire format."""

HEADER: Final = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
"""The signature, flags and extension length that begin a binary COPY."""

TRAILER: Final = b"\xff\xff"

_PART: Final = 4_000
"""Pieces of rows (nine for a stored event, three for an identity) that are sent together."""

_HEAD: Final = struct.Struct(">h iq ih ih ih ii ii ii ii ii iq iq iq iq iq".replace(" ", ""))
_READ: Final = struct.Struct(
    ">2x 4xq 4xh 4xh 4xh 4xi 4xi 4xi 4xi 4xi 4xq 4xq 4xq 4xq 4xq".replace(" ", "")
)
_LENGTH: Final = struct.Struct(">i")
_IDENTITY: Final = struct.Struct(">h ii i".replace(" ", ""))
_POSITION: Final = struct.Struct(">iq")


def log_copy(rows: Iterable[tuple[EventRow, bytes]]) -> Iterator[bytes]:
    """Yield a complete binary COPY of rows with their leaves, in parts.

    The server works on one part while the next is made.
    """
    pack, length = _HEAD.pack, _LENGTH.pack
    parts = [HEADER]
    for row, leaf in rows:
        if len(parts) > _PART:
            yield b"".join(parts)
            parts.clear()
        external_id = row.external_id.encode()
        trade_id = row.trade_id.encode()
        detail = row.detail.encode()
        parts += (
            pack(
                18,
                8,
                row.position,
                2,
                row.kind,
                2,
                row.version,
                2,
                row.flags,
                4,
                row.source,
                4,
                row.account,
                4,
                row.contra,
                4,
                row.market,
                4,
                row.asset,
                8,
                row.occurred_at,
                8,
                row.quantity,
                8,
                row.price,
                8,
                row.amount,
                8,
                row.fee,
            ),
            length(len(external_id)),
            external_id,
            length(len(trade_id)),
            trade_id,
            length(len(detail)),
            detail,
            length(len(leaf)),
            leaf,
        )
    parts.append(TRAILER)
    yield b"".join(parts)


def identity_copy(identities: Iterable[tuple[int, str, int]]) -> Iterator[bytes]:
    """Yield a complete binary COPY of (source ordinal, identifier, position), in parts."""
    parts = [HEADER]
    for source, identifier, position in identities:
        if len(parts) > _PART:
            yield b"".join(parts)
            parts.clear()
        text = identifier.encode()
        parts += (_IDENTITY.pack(3, 4, source, len(text)), text, _POSITION.pack(8, position))
    parts.append(TRAILER)
    yield b"".join(parts)


def read_copy(data: bytes) -> list[tuple[EventRow, bytes]]:
    """Return the rows and leaves of a binary COPY of :data:`COLUMNS`.

    Raises :class:`ValueError` if the bytes are not such a COPY.
    """
    if not data.startswith(HEADER) or len(data) < len(HEADER) + len(TRAILER):
        raise ValueError("not a binary COPY")
    rows: list[tuple[EventRow, bytes]] = []
    end = len(data) - len(TRAILER)
    try:
        offset = _read_rows(data, end, rows)
    except (struct.error, UnicodeDecodeError) as error:
        raise ValueError(f"a binary COPY ended in the middle of a row: {error}") from None
    if offset != end or data[end:] != TRAILER:
        raise ValueError("a binary COPY ended in the middle of a row")
    return rows


def _read_rows(data: bytes, end: int, rows: list[tuple[EventRow, bytes]]) -> int:
    """Read rows up to ``end`` and return where the last one ends."""
    offset = len(HEADER)
    unpack, length, head = _READ.unpack_from, _LENGTH.unpack_from, _READ.size
    while offset < end:
        numbers = unpack(data, offset)
        offset += head
        texts = []
        for _ in range(3):
            (size,) = length(data, offset)
            offset += 4
            texts.append(data[offset : offset + size].decode())
            offset += size
        (size,) = length(data, offset)
        offset += 4
        leaf = data[offset : offset + size]
        offset += size
        rows.append((EventRow(*numbers, *texts), leaf))
    return offset
