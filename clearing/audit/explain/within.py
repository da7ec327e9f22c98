"""Facts that an event set itself, before a rung of its own acted on them.

A rung works on the book in the middle of an event: the histories up to the event before it do not
have what the event told and what came of that so far. Its entries up to the rung do.
"""

from collections.abc import Sequence
from typing import Any, Final

from clearing.audit.explain.nodes import Find, Source, Subject
from clearing.engine import ENTRY_FIELDS, Entry

_HELD: Final = ("position", ("holder", "market"))
_MARK: Final = ("mark", ("market",))
_ORDERS: Final = ("orders", ("account", "market"))
_SET_BY: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "size": _HELD,
    "cost": _HELD,
    "accrued at touch": _HELD,
    "index at touch": _HELD,
    "pnl": _HELD,
    "notional": _HELD,
    "mark": _MARK,
    "value of one": _MARK,
    "value": _MARK,
    "index": ("funding", ("market",)),
    "leverage": ("leverage", ("account", "market")),
    "buys": _ORDERS,
    "sells": _ORDERS,
    "by side": _ORDERS,
    "open notional": ("open_interest", ("market",)),
    "depth": ("depth", ("market",)),
    "published rate": ("margin_rate", ("market",)),
    "funding": ("funding_coming", ("market",)),
    "loss of one": ("risk_array", ("market",)),
}
"""By a fact's name, the kind of entry that sets it and the fields that say whose it is."""


def within(event: Source, entries: Sequence[Entry], before: Find) -> Find:
    """Return what finds a fact's event: ``event``, if one of its ``entries`` set it.

    Else those that ``before`` finds. The index accrues from settlement to settlement, so this event
    comes before the others there.
    """
    told = [(str(e[0]), dict(zip(ENTRY_FIELDS[str(e[0])], e[1:], strict=True))) for e in entries]

    def find(name: str, about: Subject) -> tuple[Source, ...]:
        if not any(_sets(name, about, kind, fields) for kind, fields in told):
            return before(name, about)
        return (event, *before(name, about)) if name == "index" else (event,)

    return find


def _sets(name: str, about: Subject, kind: str, fields: dict[str, Any]) -> bool:
    """Whether an entry sets the fact of a name about a subject."""
    if name in ("cash", "balance"):
        if kind != "posting" or fields["asset"] != about.asset:
            return False
        sides = [(fields[f"{side}_kind"], fields[side]) for side in ("payer", "payee")]
        return ("account", about.account) in sides
    setter, keys = _SET_BY.get(name, ("", ()))
    if kind != setter or not fields.get("effective", 1):
        return False
    if fields.get("holder_kind", "account") != "account":
        return False
    whose = {"holder": about.account, "account": about.account, "market": about.market}
    return all(fields[key] == whose[key] for key in keys)
