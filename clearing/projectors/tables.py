"""The read models: one history table per kind of entry, in a generation's own schema.

Every row carries the log position of the event that made it and its line among that event's
entries. Columns are the entry's fields; scaled integers and exact decimals are ``numeric`` wherever
they could outgrow 63 bits, because a read model that overflows would be a ledger that stops.
A posting becomes two lines, one for each side, with the balance after it.
"""

from dataclasses import dataclass
from typing import Final

from clearing.engine import ENTRY_FIELDS

_TYPES: Final[dict[str, str]] = {
    **dict.fromkeys(
        (
            "account",
            "asset",
            "market",
            "holder",
            "rung",
            "rank",
            "candidate",
            "taker",
            "payer",
            "provider",
            "number",
            "holds",
            "interval_seconds",
        ),
        "integer NOT NULL",
    ),
    **dict.fromkeys(
        ("microseconds", "due_at", "stamp", "ends_at", "resumes_at"), "bigint NOT NULL"
    ),
    **dict.fromkeys(("effective", "moved", "entry_known"), "boolean NOT NULL"),
    **dict.fromkeys(
        (
            "size",
            "cost",
            "funding_index",
            "accrued",
            "amount",
            "price",
            "rate",
            "credit_rate",
            "index",
            "equity",
            "initial",
            "maintenance",
            "amount_due",
            "requirement",
            "factor",
            "threshold",
            "mark",
            "equity_share",
            "loss",
            "pnl",
            "notional",
            "taken",
            "gain",
            "paid",
            "each",
            "fund",
            "adl",
            "socialised",
            "deficit",
            "rounding",
            "kept",
            "open_interest",
            "cash",
            "inventory",
            "leverage",
            "premium",
            "payment",
            "buys",
            "sells",
            "bids",
            "asks",
            "within",
            "deviation",
            "quoted",
            "before",
            "after",
            "reference",
            "score",
            "shares",
            "total",
            "worth",
        ),
        "numeric NOT NULL",
    ),
}
"""Types of the fields that are not text."""

_NAMES: Final = {
    "position": "position_history",
    "closed": "closing",
    "adl": "adl_rank",
    "fund": "fund_history",
}
"""Tables that are not called by their entry's kind."""

OF_MARKETS: Final = ("clearing", "funding", "control", "spot")
"""Kinds of ledger account that each market has."""

_KINDS: Final = ", ".join(f"'{kind}'" for kind in OF_MARKETS)
BETWEEN: Final = (
    f"market > 0 AND side = 0 AND ledger NOT IN ({_KINDS}) AND counter_ledger NOT IN ({_KINDS})"
)
"""Which lines stand for postings that a market is the reason of, and that none of its ledger
accounts takes part in."""

_INDEXES: Final[dict[str, tuple[str, ...]]] = {
    "late": ("position",),
    "posting": (
        "ledger, ordinal, asset, position, line, side",
        "position",
        f"USING btree (market, position) WHERE {BETWEEN} AND purpose <> 'fee'",
    ),
    "position_history": ("holder_kind, holder, market, position, line", "market, position"),
    "waiting": ("account, position", "market, position"),
    "remainder": ("holder_kind, holder, market, position", "market, position"),
    "mark": ("market, position, line",),
    "price": ("market, role, position, line",),
    "price_status": ("market, position",),
    "breaker": ("market, position",),
    "impact": ("market, position, line",),
    "funding": ("market, position",),
    "short_index": ("market, position",),
    "funding_computed": ("market, position, line",),
    "funding_coming": ("market, position, line",),
    "interest": ("asset, position",),
    "interest_left": ("account, asset, position",),
    "market_settled": ("market, position",),
    "leverage": ("account, market, position", "market, position"),
    "orders": ("account, market, position", "market, position"),
    "market_state": ("market, position",),
    "open_interest": ("market, position",),
    "margin_rate": ("market, position",),
    "depth": ("market, position",),
    "shares": (
        "account, asset, provider, position, line",
        "account, position",
        "provider, position",
    ),
    "leave_request": (
        "account, asset, provider, position",
        "account, position",
        "provider, position",
    ),
    "adl_order": ("market, position", "USING gin ((accounts::jsonb))"),
    "venue_liquidation": (
        "account, market, position, line",
        "market, position",
        "position, line",
    ),
    "alert": ("account, market, position, line", "market, position"),
    "risk_score": ("account, market, position", "market, position"),
    "risk_array": ("market, position",),
    "transition": ("account, asset, position, line",),
    "margin_call": ("account, asset, position, line",),
    "withheld": ("account, position",),
    "liquidation": ("account, position, line", "position, line"),
    "auction": ("account, market, position, line", "market, position", "taker, position"),
    "closing": ("account, position, line", "market, position", "taker, position", "position"),
    "loss": ("position", "account, position"),
    "notice": ("account, position, line",),
    "haircut": ("payer, position", "account, position", "market, position"),
    "per_unit": ("market, position", "account, position"),
    "fund_history": ("account, asset, position, line", "position, line"),
    "deviation": ("account, position", "code, position", "market, position", "position, line"),
    "adl_rank": ("account, position", "candidate, position", "market, position"),
    "bankruptcy": ("account, position", "market, position"),
}
"""The columns of each table's indexes (or the whole of how one is made).

The latest row of an account or market is found by one, and so are all rows that name either; but
fees are found for a market by the other entries of their events.
"""


@dataclass(frozen=True, slots=True)
class Table:
    """A history table: its name, columns with their types, and the columns of its indexes."""

    name: str
    columns: tuple[tuple[str, str], ...]
    indexes: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names in order."""
        return tuple(name for name, _ in self.columns)


_PLACE: Final = (("position", "bigint NOT NULL"), ("line", "integer NOT NULL"))

POSTING: Final = Table(
    "posting",
    (
        *_PLACE,
        ("side", "smallint NOT NULL"),
        ("ledger", "text NOT NULL"),
        ("ordinal", "integer NOT NULL"),
        ("asset", "integer NOT NULL"),
        ("amount", "numeric NOT NULL"),
        ("balance", "numeric NOT NULL"),
        ("purpose", "text NOT NULL"),
        ("counter_ledger", "text NOT NULL"),
        ("counter_ordinal", "integer NOT NULL"),
        ("market", "integer NOT NULL"),
    ),
    _INDEXES["posting"],
)
"""Both lines of every posting: ``amount`` is signed, ``balance`` the ledger account's after it."""


def _table(kind: str) -> Table:
    name = _NAMES.get(kind, kind)
    columns = tuple((field, _TYPES.get(field, "text NOT NULL")) for field in ENTRY_FIELDS[kind])
    return Table(name, _PLACE + columns, _INDEXES.get(name, ()))


TABLES: Final[dict[str, Table]] = {
    kind: POSTING if kind == "posting" else _table(kind) for kind in ENTRY_FIELDS
}
"""The table of each kind of entry."""

SNAPSHOT: Final = (
    "position bigint PRIMARY KEY, entry_hash bytea NOT NULL, digest text NOT NULL,"
    " document text NOT NULL"
)
"""Columns of a generation's ``snapshot`` table: the engine's state at a position."""


def schema_of(generation: int) -> str:
    """Return the name of a generation's schema."""
    return f"generation_{int(generation)}"


def script(generation: int) -> str:
    """Return the statements that make a generation's schema and its tables, without indexes.

    Names are our own constants.
    """
    schema = schema_of(generation)
    parts = [f"CREATE SCHEMA {schema};", f"CREATE TABLE {schema}.snapshot ({SNAPSHOT});"]
    for table in TABLES.values():
        columns = ", ".join(f'"{name}" {kind}' for name, kind in table.columns)
        parts.append(f"CREATE TABLE {schema}.{table.name} ({columns});")
    return "\n".join(parts)


def scenario_script(generation: int) -> str:
    """Return the statements that make what a scenario's generation has besides.

    ``document`` holds rulebooks that are not in the log, ``clock`` the greatest time at which a
    fact had occurred (microseconds) after each event of the scenario's own part.
    """
    schema = schema_of(generation)
    return (
        f"CREATE TABLE {schema}.document (sha256 text PRIMARY KEY, document text NOT NULL);"
        f"CREATE TABLE {schema}.clock (position bigint PRIMARY KEY, latest bigint NOT NULL);"
    )


def index_script(generation: int) -> str:
    """Return the statements that make the indexes of a generation's tables, where not made yet."""
    schema = schema_of(generation)
    return "\n".join(
        f"CREATE INDEX IF NOT EXISTS {table.name}_{number} ON {schema}.{table.name} {_how(index)};"
        for table in TABLES.values()
        for number, index in enumerate(table.indexes, 1)
    )


def _how(index: str) -> str:
    return index if index.startswith("USING") else f"({index})"
