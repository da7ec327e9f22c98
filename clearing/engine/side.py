"""The sides of an execution, as its event tells them."""

from typing import Final

from clearing.engine.content import Content
from clearing.events.kinds import CAUSES, Kind

TRADE: Final = CAUSES.index("trade")
LIQUIDATION: Final = CAUSES.index("liquidation")
ADL: Final = CAUSES.index("adl")


class Side:
    """One side of an execution: who, signed size, fee and cause (an index of ``CAUSES``)."""

    __slots__ = ("account", "cause", "fee", "size", "unknown")

    def __init__(self, account: int, unknown: str, size: int, fee: int, cause: int) -> None:
        self.account = account
        self.unknown = unknown
        self.size = size
        self.fee = fee
        self.cause = cause


def sides_of(content: Content) -> list[Side]:
    """Return the sides of a ``Filled`` or a ``Traded``."""
    row = content.row
    if row.kind == Kind.Filled:
        unknown = content.unknown("account")
        return [Side(content.account, unknown, content.quantity, content.fee, row.flags & 15)]
    size = content.quantity
    buyer, seller = content.unknown("buyer"), content.unknown("seller")
    return [
        Side(content.account, buyer, size, content.fee, row.flags & 15),
        Side(content.contra, seller, -size, content.amount, row.flags >> 4 & 15),
    ]
