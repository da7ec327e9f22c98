"""Statements drawn, issued and kept: the same figures are the same version, others a new one.

What makes a statement what it is are its figures, as canonical JSON and by their SHA-256; on what
they were drawn stands beside them. A statement of a period that is not over is drawn but not
issued.
"""

import json
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, Literal

from clearing.audit.refold import Progress
from clearing.books.calendar import Period
from clearing.books.cuts import Cut, Drawn, cut
from clearing.books.house import HouseStatement, house_statement
from clearing.books.statement import AccountStatement, account_statement
from clearing.events.canonical import canonical_json, document_hash
from clearing.events.fields import from_microseconds, to_microseconds
from clearing.log import Connection

Kind = Literal["account", "house"]

FORMAT: Final = 1
"""The number of the form that figures have; another form has another number."""


class NotIssued(ValueError):  # noqa: N818 - reads as the statement that it is
    """A statement cannot be issued, or there is none of that version; the message says why."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement: whose it is, of which period, its figures, and on what they were drawn.

    ``subject`` is the account (empty: the house). ``figures`` are JSON's kinds of value alone,
    ``sha256`` is of their canonical JSON. ``version`` is None while it was not issued; ``restates``
    is the SHA-256 of the version before.
    """

    kind: Kind
    subject: str
    period: Period
    figures: dict[str, Any]
    sha256: str
    drawn: Drawn
    version: int | None = None
    restates: str = ""


@dataclass(frozen=True, slots=True)
class Issued:
    """A version of a statement as it was issued, without its figures."""

    kind: Kind
    subject: str
    period: Period
    version: int
    sha256: str
    restates: str
    drawn: Drawn
    issued_at: datetime


def figures_of(kind: Kind, made: AccountStatement | HouseStatement) -> dict[str, Any]:
    """Return a statement's figures as what JSON has, with which form they are in."""
    figures: dict[str, Any] = json.loads(json.dumps(asdict(made)))
    return {"format": FORMAT, "statement": kind, **figures}


def draw(
    connection: Connection,
    account: str | None,
    period: Period,
    known_at: int | None = None,
    progress: Progress | None = None,
) -> Statement:
    """Return the statement of an account (None: the house) as known at a log position (None: now).

    Raises :class:`~clearing.audit.NameUnknown` for an account that there is not,
    :class:`~clearing.audit.MomentUnclear` beyond what is projected, and
    :class:`~clearing.books.BooksDoNotAddUp` where the books contradict themselves.
    """
    made: Cut = cut(connection, period, known_at)
    kind: Kind = "house" if account is None else "account"
    content: AccountStatement | HouseStatement
    if account is None:
        content = house_statement(connection, made, progress)
    else:
        content = account_statement(connection, account, made, progress)
    figures = figures_of(kind, content)
    return Statement(kind, account or "", period, figures, document_hash(figures), made.drawn)


_KEY: Final = (
    "kind = %(kind)s AND subject = %(subject)s AND calendar = %(calendar)s AND period = %(period)s"
    " AND begins = %(begins)s AND ends = %(ends)s"
)
_LOCK: Final = 0x626F6F6B73
"""The advisory lock under which statements are issued, one at a time."""


def _key(kind: str, subject: str, period: Period) -> dict[str, Any]:
    return {
        "kind": kind,
        "subject": subject,
        "calendar": period.calendar,
        "period": period.name,
        "begins": to_microseconds(period.begins),
        "ends": to_microseconds(period.ends),
    }


def issue(connection: Connection, drawn: Statement) -> Statement:
    """Issue a statement; return it with its version, which is the last one's if figures are equal.

    Raises :class:`NotIssued` for a period that is not over, and for figures that were drawn on less
    than the last version's.
    """
    if not drawn.drawn.complete:
        raise NotIssued(
            f"the period ends at {drawn.period.ends.isoformat()}, and nothing that the log has by"
            f" position {drawn.drawn.known_at:,} occurred at or after that (the latest at"
            f" {drawn.drawn.last_fact.isoformat()}), so more of it may come in time; append what"
            " did, or a ClockTicked, and issue it then"
        )
    key = _key(drawn.kind, drawn.subject, drawn.period)
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        row = connection.execute(
            f"SELECT version, encode(sha256, 'hex'), known_at, encode(restates, 'hex')"  # noqa: S608
            f" FROM clearing.statement WHERE {_KEY} ORDER BY version DESC LIMIT 1",
            key,
        ).fetchone()
        if row is not None and row[1] == drawn.sha256:
            return _numbered(drawn, int(row[0]), str(row[3] or ""))
        if row is not None and drawn.drawn.known_at < int(row[2]):
            raise NotIssued(
                f"version {row[0]} was drawn on what was known at log position {row[2]:,}; one that"
                f" is drawn on less ({drawn.drawn.known_at:,}) cannot take its place"
            )
        version, restates = (1, "") if row is None else (int(row[0]) + 1, str(row[1]))
        _insert(connection, drawn, key, version, restates)
    return _numbered(drawn, version, restates)


def _numbered(drawn: Statement, version: int, restates: str) -> Statement:
    return replace(drawn, version=version, restates=restates)


def _insert(
    connection: Connection, drawn: Statement, key: dict[str, Any], version: int, restates: str
) -> None:
    on = drawn.drawn
    values = {
        **key,
        "version": version,
        "figures": canonical_json(drawn.figures),
        "sha256": bytes.fromhex(drawn.sha256),
        "restates": bytes.fromhex(restates) if restates else None,
        "known_at": on.known_at,
        "opening_position": on.opening_position,
        "closing_position": on.closing_position,
        "late_facts": on.late_facts,
        "last_fact": to_microseconds(on.last_fact),
        "log_size": on.log_size,
        "log_root": bytes.fromhex(on.log_root),
        "engine_version": on.engine_version,
    }
    columns, places = ", ".join(values), ", ".join(f"%({name})s" for name in values)
    connection.execute(
        f"INSERT INTO clearing.statement ({columns}) VALUES ({places})",  # noqa: S608 - our names
        values,
    )


_ISSUED: Final = (
    "SELECT kind, subject, calendar, period, begins, ends, version, encode(sha256, 'hex'),"
    " coalesce(encode(restates, 'hex'), ''), known_at, opening_position, closing_position,"
    " late_facts, last_fact, log_size, encode(log_root, 'hex'), engine_version, issued_at, figures"
    " FROM clearing.statement"
)


def _issued(row: tuple[Any, ...]) -> Issued:
    kind, subject, calendar, name, begins, ends, version, sha256, restates = row[:9]
    period = Period(calendar, name, from_microseconds(begins), from_microseconds(ends))
    known_at, opening, closing, late, last_fact, size, root, engine, issued_at = row[9:18]
    drawn = Drawn(
        known_at,
        opening,
        closing,
        late,
        complete=True,
        last_fact=from_microseconds(last_fact),
        log_size=size,
        log_root=root,
        engine_version=engine,
    )
    at = issued_at.astimezone(UTC)
    return Issued(kind, subject, period, version, sha256, restates, drawn, at)


def issued(
    connection: Connection, *, account: str | None = None, house: bool = False, limit: int = 1000
) -> list[Issued]:
    """Return the latest issued versions in order of issue: all, one account's, or the house's."""
    rows = connection.execute(
        f"{_ISSUED} WHERE (NOT %s OR kind = 'house')"
        " AND (%s::text IS NULL OR subject = %s) ORDER BY id DESC LIMIT %s",
        (house, account, account, limit),
    ).fetchall()
    return [_issued(row) for row in reversed(rows)]


def stored(
    connection: Connection, account: str | None, period: Period, version: int | None = None
) -> tuple[Issued, dict[str, Any]]:
    """Return an issued version (the latest, if None) and its figures.

    Raises :class:`NotIssued` where there is none, and for figures that are not what was issued.
    """
    kind = "house" if account is None else "account"
    row = connection.execute(
        f"{_ISSUED} WHERE {_KEY} AND (%(version)s::int IS NULL OR version = %(version)s)"
        " ORDER BY version DESC LIMIT 1",
        {**_key(kind, account or "", period), "version": version},
    ).fetchone()
    whose = account if account is not None else "the house"
    if row is None:
        what = "no version" if version is None else f"no version {version}"
        raise NotIssued(f"{what} of the statement of {whose} for {period.label()} was issued")
    found, figures = _issued(row), json.loads(row[-1])
    if document_hash(figures) != found.sha256:
        raise NotIssued(
            f"version {found.version} of the statement of {whose} for {period.label()} is not what"
            " was issued: its figures do not have its SHA-256"
        )
    return found, figures


def kept(
    connection: Connection, account: str | None, period: Period, version: int | None = None
) -> Statement:
    """Return an issued version (the latest, if None) as it was when it was issued.

    Raises :class:`NotIssued` as :func:`stored` does.
    """
    found, figures = stored(connection, account, period, version)
    return Statement(
        found.kind,
        found.subject,
        found.period,
        figures,
        found.sha256,
        found.drawn,
        found.version,
        found.restates,
    )
