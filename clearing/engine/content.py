"""What a stored event says, read from its row once: numbers, accounts, and rarer content."""

import json
from typing import Any, Final

from clearing.events.encoding import DEFAULT_INTERVAL_SECONDS, GREEKS
from clearing.events.row import EventRow

_NOTHING: Final[dict[str, Any]] = {}


class Content:
    """A row with its rare content at hand.

    ``quantity``, ``price``, ``amount`` and ``fee`` are the row's, or their wide form beyond 63
    bits. ``account`` and ``contra`` are ordinals, 0 where an account is not declared.
    """

    __slots__ = ("_detail", "account", "amount", "contra", "fee", "price", "quantity", "row")

    def __init__(self, row: EventRow) -> None:
        self.row = row
        self._detail: dict[str, Any] = json.loads(row.detail) if row.detail else _NOTHING
        self.account = row.account
        self.contra = row.contra
        self.quantity = row.quantity
        self.price = row.price
        self.amount = row.amount
        self.fee = row.fee
        for column, value in self._detail.get("wide", _NOTHING).items():
            setattr(self, column, int(value))

    def unknown(self, field: str) -> str:
        """Return the undeclared account named in ``field``, or nothing."""
        if not self._detail:
            return ""
        return str(self._detail.get("unknown", _NOTHING).get(field, ""))

    def scaled(self, field: str) -> int | None:
        """Return an optional scaled integer of the rare content."""
        value = self._detail.get(field)
        return None if value is None else int(value)

    def text(self, field: str) -> str:
        """Return a text of the rare content."""
        return str(self._detail[field])

    def optional(self, field: str) -> str:
        """Return a text of the rare content, or nothing where it has none."""
        return str(self._detail.get(field, ""))

    @property
    def document(self) -> dict[str, Any]:
        """The rulebook's document."""
        document: dict[str, Any] = self._detail["document"]
        return document

    @property
    def effective_position(self) -> int | None:
        """The position from which an adopted rulebook is to hold, if one is named."""
        return self._detail.get("effective_position")

    @property
    def interval_seconds(self) -> int:
        """The interval that a funding rate is for."""
        return int(self._detail.get("interval_seconds", DEFAULT_INTERVAL_SECONDS))

    @property
    def losses(self) -> tuple[int, ...]:
        """The losses of a risk array, at mark decimals."""
        return tuple(int(loss) for loss in self._detail["losses"])

    @property
    def greeks(self) -> dict[str, int]:
        """The Greeks of a risk array by name, at rate decimals; only those that are told."""
        return {name: int(self._detail[name]) for name in GREEKS if name in self._detail}

    @property
    def accounts(self) -> list[int]:
        """The ordinals of the accounts that are listed, 0 where one is not declared."""
        return list(self._detail["accounts"])

    def marks(self) -> list[tuple[int, int]]:
        """Return (market, price) pairs in order of market ordinal."""
        pairs = self._detail.get("marks")
        if pairs is None:
            return [(self.row.market, self.price)]
        return [(market, int(price)) for market, price in pairs]

    def reference(self, field: str) -> tuple[int, str]:
        """Return (source ordinal, external id) of a reference; (0, "") if there is none.

        The ordinal is 0, too, when the reference names a source that was not declared.
        """
        stored = self._detail.get(field)
        if stored is None:
            return (0, "")
        source, external_id = stored
        return (source if isinstance(source, int) else 0, str(external_id))
