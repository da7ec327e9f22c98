"""Binance futures account updates as JSON: balances and positions after each change of an account.

They are the ``ACCOUNT_UPDATE`` events of the user data stream: one event, a list of them, or one a
line as a stream is recorded; each bare or in the envelope of a combined stream. An event states
what is there after it, of the assets and positions that it changed. Its ``bc`` is what it moved
besides profit, loss and fees, which it does not tell.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from clearing.adapters.base import Refusal, Setting, refuse, settle
from clearing.adapters.fields import FieldRefused, choice_field
from clearing.adapters.files import read_lines
from clearing.adapters.json_pages import Record, parse_page, records, text_of, told
from clearing.adapters.statements.base import (
    Balances,
    Beginning,
    Item,
    MovementKind,
    StatedBalance,
    StatementLine,
)
from clearing.adapters.statements.items import items_of
from clearing.adapters.statements.pages import needed
from clearing.adapters.statements.values import amount_field, legs, millisecond_field

_KINDS: Final[Mapping[str, MovementKind]] = {
    "DEPOSIT": "deposit",
    "WITHDRAW": "withdrawal",
    "WITHDRAW_REJECT": "withdrawal",
    "FUNDING_FEE": "funding",
    "ADJUSTMENT": "adjustment",
    "ADMIN_DEPOSIT": "adjustment",
    "ADMIN_WITHDRAW": "adjustment",
    "INSURANCE_CLEAR": "insurance",
    "MARGIN_TRANSFER": "transfer",
    "ASSET_TRANSFER": "transfer",
    "OPTIONS_PREMIUM_FEE": "trade",
    "OPTIONS_SETTLE_PROFIT": "settlement",
    "AUTO_EXCHANGE": "conversion",
    "COIN_SWAP_DEPOSIT": "conversion",
    "COIN_SWAP_WITHDRAW": "conversion",
}


class BinanceAccountUpdate:
    """The statement format ``binance-account-update``."""

    name: Final = "binance-account-update"
    summary: Final = "Binance futures ACCOUNT_UPDATE events (JSON): balances and positions after"
    venue: Final = "binance"
    columns: Final[Mapping[str, str]] = {
        "stream": "ignored: the envelope of a combined stream",
        "data": "the event, in that envelope",
        "e": "must be ACCOUNT_UPDATE",
        "E": "ignored: when the event was sent",
        "T": "the moment, in milliseconds since 1970 UTC",
        "i": "the account, where the venue names one (coin-margined futures)",
        "fs": "ignored: the business line",
        "a.m": "the kind of what moved; unknown ones are other",
        "a.B[].a": "the asset",
        "a.B[].wb": "the wallet balance afterwards",
        "a.B[].cw": "ignored: the part of it that is not isolated margin",
        "a.B[].bc": "a movement where it is not nought: the change besides profit, loss and fees",
        "a.P[].s": "the market",
        "a.P[].pa": "the position afterwards, negative where short",
        "a.P[].ps": "LONG and SHORT are positions of their own, named market/LONG and market/SHORT",
        "a.P[].ep": "ignored: the entry price",
        "a.P[].bep": "ignored: the break-even price",
        "a.P[].cr": "ignored: what was realised so far, not in this event",
        "a.P[].up": "ignored: profit and loss not realised",
        "a.P[].mt": "ignored: the margin type",
        "a.P[].iw": "ignored: the isolated margin",
    }
    balances: Final[Balances] = "none"
    # Not insurance and options, which are a part of profit and loss: the rest of it is not told.
    kinds: Final[frozenset[MovementKind] | None] = frozenset(
        {"deposit", "withdrawal", "transfer", "funding", "adjustment", "conversion"}
    )
    fills: Final = False
    page_limits: Final[frozenset[int]] = frozenset()
    settings: Final[Mapping[str, Setting]] = {}

    def sniff(self, beginning: Beginning) -> bool:
        """Return whether it begins as such an event."""
        text = "".join(beginning.text.split())
        return text[:1] in ("{", "[") and '"e":"ACCOUNT_UPDATE"' in text

    def read(self, path: str, settings: Mapping[str, str]) -> Iterator[Item]:
        """Yield what each event says: what moved, then balances, then positions."""
        settle(self.name, self.settings, settings)
        return items_of(path, _events(path), lambda record: _event(path, record))


def _events(path: str) -> Iterator[Record | Refusal]:
    """Yield the events: those of a page by their count, those of a stream by their line."""
    texts: list[str] = []
    streaming = False
    for line in read_lines(path):
        if isinstance(line, Refusal):
            yield line
            continue
        event = None if texts else parse_page(path, line.text)
        if isinstance(event, dict):
            streaming = True
            yield Record(line.number, event)
        elif streaming:
            reason = event.reason if isinstance(event, Refusal) else "the event is not an object"
            yield refuse(path, line.number, reason, raw=line.text)
        else:
            texts.append(line.text)
    if not texts:
        return
    page = parse_page(path, "\n".join(texts))
    if isinstance(page, Refusal):
        yield page
    else:
        yield from records(path, page if isinstance(page, list) else [page], "")


def _event(path: str, record: Record) -> Iterator[Item]:
    event = record.fields
    if isinstance(event.get("data"), dict):
        event = event["data"]
    choice_field("e", text_of(event, "e"), ("ACCOUNT_UPDATE",))
    update = event.get("a")
    if not isinstance(update, dict):
        raise FieldRefused("a", text_of(event, "a"), "is not an object with m, B and P")
    at = millisecond_field("T", needed(event, "T"))
    head = {name: text_of(event, name) for name in event if name != "a"}
    head["m"] = text_of(update, "m")
    account = text_of(event, "i")
    for fields in _objects(update, "B"):
        yield from _wallet(path, record.number, at, account, fields, head)
    for fields in _objects(update, "P"):
        yield _position(path, record.number, at, account, fields, head)


def _wallet(
    path: str,
    line: int,
    at: datetime,
    account: str,
    fields: Mapping[str, Any],
    head: Mapping[str, str],
) -> Iterator[Item]:
    asset = needed(fields, "a", "a.B.")
    balance = amount_field("a.B.wb", needed(fields, "wb", "a.B."))
    moved = amount_field("a.B.bc", text_of(fields, "bc") or "0")
    known = {**head, **told(fields)}
    if moved:
        kind = _KINDS.get(head["m"], "other")
        leg = legs(asset, None, (kind, moved))
        yield StatementLine(path, line, at, account, "", "", leg, None, known)
    yield StatedBalance(path, line, at, account, asset, balance, False, "after", known)


def _position(
    path: str,
    line: int,
    at: datetime,
    account: str,
    fields: Mapping[str, Any],
    head: Mapping[str, str],
) -> StatedBalance:
    market = needed(fields, "s", "a.P.")
    size = amount_field("a.P.pa", needed(fields, "pa", "a.P."))
    side = choice_field("a.P.ps", text_of(fields, "ps") or "BOTH", ("BOTH", "LONG", "SHORT"))
    what = market if side == "BOTH" else f"{market}/{side}"
    known = {**head, **told(fields)}
    return StatedBalance(path, line, at, account, what, size, True, "after", known)


def _objects(update: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    found = update.get(name) or []
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise FieldRefused(f"a.{name}", text_of(update, name), "is not a list of objects")
    return found


BINANCE_ACCOUNT_UPDATE: Final = BinanceAccountUpdate()
