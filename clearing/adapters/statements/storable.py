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
        texts = _texts(item)
        if _UNFIT.search("\n".join(text for _, text in texts)):
            yield _refusal(item, texts)
        else:
            yield item


def _texts(item: StatementLine | StatedBalance) -> list[tuple[str, str]]:
    """Return every text of an item and the field that it is, the file's own fields first."""
    texts = [(name, name) for name in item.told] + list(item.told.items())
    texts.append(("account", item.account))
    if isinstance(item, StatedBalance):
        return [*texts, ("what", item.what)]
    texts += [("native_id", item.native_id), ("market", item.market)]
    texts += [("asset", leg.asset) for leg in item.cash]
    if (fill := item.fill) is not None:
        texts += [("market", fill.market), ("fee_asset", fill.fee_asset)]
        texts += [("trade_id", fill.trade_id), ("order_id", fill.order_id)]
    return texts


def _refusal(item: StatementLine | StatedBalance, texts: list[tuple[str, str]]) -> Refusal:
    field, text, found = next(
        (field, text, found) for field, text in texts if (found := _UNFIT.search(text))
    )
    reason = (
        f"has U+{ord(found[0]):04X} as its character {found.start() + 1}, which cannot be stored;"
        " texts have neither NUL nor halves of surrogate pairs"
    )
    raw = json.dumps(dict(item.told), ensure_ascii=False)
    return refuse(item.file, item.line, reason, field=field, value=text, raw=raw)
