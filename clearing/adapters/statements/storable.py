r"""Text that no database can hold is refused where a statement is read, whatever its format.

Postgres takes no NUL, and UTF-8 has no lone surrogates; JSON can write both (``\u0000``,
``\ud800``), and a CSV the former.
"""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Final

from clearing.adapters.base import Refusal, refuse
from clearing.adapters.statements.base import Item, StatedBalance, StatementLine

_UNFIT: Final = re.compile("[\x00\ud800-\udfff]")


def storable(items: Iterable[Item]) -> Iterator[Item]:
    """Yield what a reader yields; what has a text that cannot be held is refused by its field."""
    for item in items:
        if isinstance(item, Refusal):
            yield item
            continue
        told, named = item.told, _named(item)
        texts = [*told, *told.values(), *(text for _, text in named)]
        if _UNFIT.search("\n".join(texts)):
            yield _refusal(item, named)
        else:
            yield item


def _named(item: StatementLine | StatedBalance) -> list[tuple[str, str]]:
    """Return the texts of an item that it names beside what was told, and the field of each."""
    if isinstance(item, StatedBalance):
        return [("account", item.account), ("what", item.what)]
    texts = [("account", item.account), ("native_id", item.native_id), ("market", item.market)]
    texts += [("asset", leg.asset) for leg in item.cash]
    if (fill := item.fill) is not None:
        texts += [("market", fill.market), ("fee_asset", fill.fee_asset)]
        texts += [("trade_id", fill.trade_id), ("order_id", fill.order_id)]
    return texts


def _refusal(item: StatementLine | StatedBalance, named: list[tuple[str, str]]) -> Refusal:
    # The file's own fields first: they are what somebody can look up.
    texts = [(name, name) for name in item.told] + list(item.told.items()) + named
    field, text, found = next(
        (field, text, found) for field, text in texts if (found := _UNFIT.search(text))
    )
    reason = (
        f"has U+{ord(found[0]):04X} as its character {found.start() + 1}, which cannot be stored;"
        " texts have neither NUL nor halves of surrogate pairs"
    )
    raw = json.dumps(dict(item.told), ensure_ascii=False)
    return refuse(item.file, item.line, reason, field=field, value=text, raw=raw)
