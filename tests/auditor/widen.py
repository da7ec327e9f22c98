"""The same stories with numbers of many digits: sizes, prices and money times powers of ten.

A market's sizes grow by one power and its prices by another; the two together are one power for
every market of an asset, and that asset's money, tiers and minimum notionals grow by it too. So
what happens stays roughly what happened, on numbers far beyond 63 bits.
"""

from random import Random
from typing import Any

Document = dict[str, Any]


def times(number: str, places: int) -> str:
    """A decimal × 10^places, exactly, as text."""
    sign = "-" if number.startswith("-") else ""
    whole, _, part = number.lstrip("-").partition(".")
    part = part.ljust(places, "0")
    whole, part = (whole + part[:places]).lstrip("0") or "0", part[places:]
    return f"{sign}{whole}.{part}" if part else f"{sign}{whole}"


def widen(seed: int, documents: list[Document], most: int) -> list[Document]:
    """``documents`` with money grown by up to 10^``most``."""
    rng = Random(seed)  # noqa: S311 - test cases, not secrets
    money: dict[str, int] = {}
    sizes: dict[str, int] = {}
    assets: dict[str, str] = {}
    wide = []
    for document in documents:
        if document["kind"] == "AssetDeclared":
            money[document["name"]] = rng.randrange(most + 1)
        if document["kind"] == "MarketDeclared":
            assets[document["name"]] = document["settlement_asset"]
            sizes[document["name"]] = rng.randrange(money[document["settlement_asset"]] + 1)
        wide.append(_wider(document, money, sizes, assets))
    return wide


def _wider(
    document: Document, money: dict[str, int], sizes: dict[str, int], assets: dict[str, str]
) -> Document:
    """One event's numbers."""
    changed = dict(document)
    if document["kind"] == "RulebookAdopted":
        asset = document["document"]["settlement_asset"]
        changed["document"] = _rules(document["document"], money.get(asset, 0))
        return changed
    if market := document.get("market"):
        worth = money[assets[market]]
        grown = {
            **dict.fromkeys(("size", "reported_size_before"), sizes[market]),
            **dict.fromkeys(("price", "entry_price"), worth - sizes[market]),
            **dict.fromkeys(("amount", "reported_pnl"), worth),
            **dict.fromkeys(("fee", "buyer_fee", "seller_fee"), worth),
        }
        if fee_asset := document.get("fee_asset"):
            grown |= dict.fromkeys(("fee", "buyer_fee", "seller_fee"), money[fee_asset])
    else:
        grown = {"amount": money[document["asset"]]} if "asset" in document else {}
    for name, places in grown.items():
        if document.get(name) is not None:
            changed[name] = times(document[name], places)
    if "marks" in document:
        changed["marks"] = [
            {**mark, "price": times(mark["price"], money[assets[m]] - sizes[m])}
            for mark in document["marks"]
            for m in [mark["market"]]
        ]
    return changed


def _rules(rules: Any, places: int) -> Any:
    """A rulebook's amounts of money: floors of tiers and minimum notionals."""
    if isinstance(rules, list):
        return [_rules(item, places) for item in rules]
    if not isinstance(rules, dict):
        return rules
    return {
        key: times(value, places)
        if key in ("floor", "minimum_notional") and isinstance(value, str) and value[:1].isdigit()
        else _rules(value, places)
        for key, value in rules.items()
    }
