"""The stored form of an event: one lean row of integers, and the bytes that are hashed.

What is stored is what is hashed. A row holds scaled integers, ordinals of declared names and
times; names and scales are events themselves, so they are hashed too. :func:`pack` defines the
canonical bytes. They cover the content and neither the position nor the time of recording, so the
same bytes decide whether an event that arrives again is a duplicate or a conflict.
"""

import struct
from typing import Final

PACK_FORMAT: Final = 1
_HEAD: Final = struct.Struct(">BHHhIIIIIqqqqq")
_LENGTH: Final = struct.Struct(">I")

ROW_FIELDS: Final = (
    "position",
    "kind",
    "version",
    "flags",
    "source",
    "account",
    "contra",
    "market",
    "asset",
    "occurred_at",
    "quantity",
    "price",
    "amount",
    "fee",
    "external_id",
    "trade_id",
    "detail",
)
"""The columns of a stored event, in the order of :class:`EventRow`'s parameters."""


class EventRow:
    """A stored event.

    ``position`` is the place in the log (0 until appended). ``kind`` is a
    :class:`~clearing.events.kinds.Kind`, ``version`` its schema version. ``source``, ``account``,
    ``contra``, ``market`` and ``asset`` are ordinals of declaration (0: none). ``occurred_at`` is
    in microseconds since 1970-01-01 UTC. ``quantity`` is at the market's size decimals (or, for
    funding, the rate at :data:`~clearing.events.kinds.RATE_DECIMALS`), ``price`` at its price or
    mark decimals, ``amount`` and ``fee`` at their asset's decimals. ``flags`` is kind-specific.
    ``detail`` is canonical JSON for what does not fit, or empty.
    """

    __slots__ = ROW_FIELDS

    def __init__(
        self,
        position: int,
        kind: int,
        version: int,
        flags: int,
        source: int,
        account: int,
        contra: int,
        market: int,
        asset: int,
        occurred_at: int,
        quantity: int,
        price: int,
        amount: int,
        fee: int,
        external_id: str,
        trade_id: str,
        detail: str,
    ) -> None:
        self.position = position
        self.kind = kind
        self.version = version
        self.flags = flags
        self.source = source
        self.account = account
        self.contra = contra
        self.market = market
        self.asset = asset
        self.occurred_at = occurred_at
        self.quantity = quantity
        self.price = price
        self.amount = amount
        self.fee = fee
        self.external_id = external_id
        self.trade_id = trade_id
        self.detail = detail

    def values(self) -> tuple[int | str, ...]:
        """Return the columns in the order of :data:`ROW_FIELDS`."""
        return tuple(getattr(self, name) for name in ROW_FIELDS)

    def copy(self) -> "EventRow":
        """Return a row of the same content, to be changed."""
        other = EventRow.__new__(EventRow)
        for name in ROW_FIELDS:
            setattr(other, name, getattr(self, name))
        return other

    def __eq__(self, other: object) -> bool:
        return isinstance(other, EventRow) and self.values() == other.values()

    def __hash__(self) -> int:
        return hash(self.values())

    def __repr__(self) -> str:
        inner = ", ".join(f"{name}={getattr(self, name)!r}" for name in ROW_FIELDS)
        return f"EventRow({inner})"


def pack(row: EventRow) -> bytes:
    """Return the canonical bytes of ``row``: everything but its position.

    Big-endian: format (1 byte), kind, version (2 each), flags (2, signed), source, account,
    contra, market, asset (4 each), occurred_at, quantity, price, amount, fee (8 each, signed);
    then external id, trade id and detail, each as a 4-byte length and UTF-8.
    Raises :class:`struct.error` if a number does not fit its column.
    """
    external_id = row.external_id.encode()
    trade_id = row.trade_id.encode()
    detail = row.detail.encode()
    return b"".join(
        (
            _HEAD.pack(
                PACK_FORMAT,
                row.kind,
                row.version,
                row.flags,
                row.source,
                row.account,
                row.contra,
                row.market,
                row.asset,
                row.occurred_at,
                row.quantity,
                row.price,
                row.amount,
                row.fee,
            ),
            _LENGTH.pack(len(external_id)),
            external_id,
            _LENGTH.pack(len(trade_id)),
            trade_id,
            _LENGTH.pack(len(detail)),
            detail,
        )
    )


def unpack(data: bytes) -> EventRow:
    """Return the row that :func:`pack` wrote, at position 0; :class:`ValueError` if it is none."""
    try:
        version, *numbers = _HEAD.unpack_from(data)
        texts, at = [], _HEAD.size
        for _ in range(3):
            (length,) = _LENGTH.unpack_from(data, at)
            at += _LENGTH.size + length
            texts.append(data[at - length : at].decode())
    except (struct.error, UnicodeDecodeError) as error:
        raise ValueError(f"is not an event's content: {error}") from None
    if version != PACK_FORMAT or at != len(data):
        raise ValueError("is not an event's content of the format known here")
    return EventRow(0, *numbers, *texts)
