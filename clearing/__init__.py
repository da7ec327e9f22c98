"""An event-sourced clearing ledger for leveraged venues.

Events go into an append-only log in Postgres; a pure fold over that log gives account equity,
margin state, liquidations and insurance-fund balances, the same to the last digit whoever runs it.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clearing.ledger import Ledger

__version__ = "0.1.0"

__all__ = ["Ledger", "__version__"]


def __getattr__(name: str) -> Any:
    """Import :class:`~clearing.ledger.Ledger` when first asked for.

    Whoever needs one room alone (the engine, say) does not load the database for it.
    """
    if name == "Ledger":
        from clearing.ledger import Ledger  # noqa: PLC0415 - deferred on purpose, see above

        return Ledger
    raise AttributeError(f"module 'clearing' has no attribute {name!r}")
