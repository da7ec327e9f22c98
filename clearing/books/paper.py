"""A statement as people read it: headings and tables, the same for terminal, HTML and PDF.

Every amount keeps all its digits. The same figures make the same paper.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from clearing.books.calendar import iso
from clearing.books.issuing import Statement
from clearing.books.kinds import PARTS

Row = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PaperTable:
    """A table under a heading; a column whose name begins with ``>`` is of numbers."""

    title: str
    columns: Row
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Paper:
    """A title, lines beneath it, tables, and at the end on what it was drawn."""

    title: str
    lines: Row
    tables: tuple[PaperTable, ...]
    foot: PaperTable


def paper_of(statement: Statement) -> Paper:
    """Return the paper of a statement."""
    figures = statement.figures
    if statement.kind == "house":
        title, tables = "Statement of the house", _house(figures)
        lines = []
    else:
        title, tables = f"Statement of {figures['account']}", _account(figures)
        lines = [_whose(figures)]
    lines.append(f"from {figures['begins']}, before {figures['ends']}{_named(figures)}")
    lines.append(_state(statement))
    return Paper(title, tuple(lines), tuple(tables), _foot(statement))


def _whose(figures: dict[str, Any]) -> str:
    if not figures["exists"]:
        return "The account was not opened by then."
    told = [f"class {figures['account_class'] or 'none'}"]
    told += [f"owner {figures['owner']}"] if figures["owner"] else []
    told += [f"part of {figures['parent']}"] if figures["parent"] else []
    if figures["below"]:
        told.append(f"below it, with statements of their own: {', '.join(figures['below'])}")
    return "; ".join(told)


def _named(figures: dict[str, Any]) -> str:
    return f": {figures['period']} by calendar {figures['calendar']}" if figures["period"] else ""


def _state(statement: Statement) -> str:
    if statement.version is not None:
        again = f", restating {statement.restates[:16]}" if statement.restates else ""
        return f"version {statement.version}{again}"
    if not statement.drawn.complete:
        return "not issued: the period is not over, so far as the log knows"
    return "not issued"


def _account(figures: dict[str, Any]) -> Iterable[PaperTable]:
    for asset in figures["assets"]:
        name = asset["asset"]
        yield PaperTable(f"{name}: equity", _ENDS, _ends(asset))
        yield _cash(name, "cash", asset["movements"], asset)
        if asset["pending"]:
            yield _cash(name, "pending", asset["pending"], asset)
        yield _parts(asset)
        yield from _markets(name, asset["markets"])
        yield PaperTable(f"{name}: margin at the end", ("", ">"), _margin(asset["margin"]))


_ENDS: Final = ("", ">opening", ">closing")
_BALANCES: Final = {
    "cash": "cash",
    "unrealised": "unrealised PnL",
    "accrued_funding": "accrued funding",
    "collateral": "collateral in other assets",
    "equity": "equity",
    "pending": "deposits not final",
}


def _ends(asset: dict[str, Any]) -> tuple[Row, ...]:
    return tuple(
        (title, grouped(asset["opening"][name]), grouped(asset["closing"][name]))
        for name, title in _BALANCES.items()
        if name in ("cash", "unrealised", "accrued_funding", "equity")
        or {asset["opening"][name], asset["closing"][name]} != {"0"}
    )


def _cash(name: str, what: str, movements: list[Any], asset: dict[str, Any]) -> PaperTable:
    rows = [
        ("opening", "", grouped(asset["opening"][what])),
        *((m["kind"], f"{m['count']:,}", grouped(m["amount"])) for m in movements),
        ("closing", "", grouped(asset["closing"][what])),
    ]
    title = f"{name}: {'cash by kind of movement' if what == 'cash' else 'deposits not final'}"
    return PaperTable(title, ("", ">postings", ">amount"), tuple(rows))


def _parts(asset: dict[str, Any]) -> PaperTable:
    rows = [(p["part"], grouped(p["amount"]), PARTS[p["part"]]) for p in asset["parts"]]
    rows.append(("change of equity", grouped(asset["change"]), ""))
    columns = ("", ">amount", "what it is")
    return PaperTable(f"{asset['asset']}: what made equity change", columns, tuple(rows))


def _markets(name: str, markets: list[Any]) -> Iterable[PaperTable]:
    if not markets:
        return
    held = [
        (
            m["market"],
            *(grouped(m[key]) for key in ("opening_size", "bought", "sold", "closing_size")),
            *(grouped(m[key]) for key in ("average_entry", "closing_mark", "closing_unrealised")),
        )
        for m in markets
    ]
    columns = (">opening size", ">bought", ">sold", ">closing size")
    yield PaperTable(
        f"{name}: positions",
        ("market", *columns, ">average entry", ">mark", ">unrealised PnL"),
        tuple(held),
    )
    keys = ("realised", "opening_unrealised", "closing_unrealised", "funding", "closing_accrued")
    earned = [(m["market"], *(grouped(m[key]) for key in (*keys, "fees"))) for m in markets]
    titles = (">realised PnL", ">unrealised before", ">unrealised after", ">funding", ">accrued")
    yield PaperTable(f"{name}: by market", ("market", *titles, ">fees"), tuple(earned))


def _margin(margin: dict[str, Any]) -> tuple[Row, ...]:
    rows = [("status", margin["status"])]
    for level, asked in margin["levels"].items():
        rows.append((f"{level} margin", grouped(asked)))
        rows.append((f"equity that counts for {level}", grouped(margin["counted"][level])))
    rows += [
        ("free margin", grouped(margin["free_margin"])),
        ("withdrawable", grouped(margin["withdrawable"])),
        ("margin level, %", margin["margin_level"]),
        ("margin call", margin["margin_call"]),
        ("rulebook in force", margin["rulebook"]),
        ("its document's SHA-256", margin["rulebook_sha256"]),
    ]
    return tuple(row for row in rows if row[1])


_OWNERS: Final = ("owners", "", ">cash", ">unrealised PnL", ">accrued funding", ">equity")
_LEDGERS: Final = ("ledger account", "", ">postings", ">amount")


def _house(figures: dict[str, Any]) -> Iterable[PaperTable]:
    for asset in figures["assets"]:
        name = asset["asset"]
        owners: list[Row] = []
        for line in asset["owners"]:
            for when in ("opening", "closing"):
                told = line[when]
                keys = ("cash", "unrealised", "accrued_funding", "equity")
                owners.append((line["owners"], when, *(grouped(told[key]) for key in keys)))
        yield PaperTable(f"{name}: what everybody owns", _OWNERS, tuple(owners))
        ledgers: list[Row] = []
        for line in asset["ledgers"]:
            who = f"{line['ledger']} {line['account']}".strip()
            ledgers.append((who, "opening", "", grouped(line["opening"])))
            ledgers += [
                (who, m["kind"], f"{m['count']:,}", grouped(m["amount"])) for m in line["movements"]
            ]
            ledgers.append((who, "closing", "", grouped(line["closing"])))
        yield PaperTable(f"{name}: ledger accounts", _LEDGERS, tuple(ledgers))
        result = tuple((source, grouped(amount)) for source, amount in asset["result"].items())
        yield PaperTable(f"{name}: what the house earned", ("", ">amount"), result)


def _foot(statement: Statement) -> PaperTable:
    drawn = statement.drawn
    rows = [
        ("known at log position", f"{drawn.known_at:,}"),
        ("opening at log position", f"{drawn.opening_position:,}"),
        ("closing at log position", f"{drawn.closing_position:,}"),
        ("late facts folded where they occurred", f"{drawn.late_facts:,}"),
        ("latest fact of the log by then", iso(drawn.last_fact)),
        (f"root of the log's first {drawn.log_size:,} events", drawn.log_root),
        ("engine", drawn.engine_version),
        ("SHA-256 of the figures", statement.sha256),
    ]
    return PaperTable("On what it was drawn", ("", ""), tuple(rows))


def grouped(text: str) -> str:
    """Write a decimal with thousands separated, every digit kept; other text as it is."""
    whole, point, fraction = text.partition(".")
    digits = whole.removeprefix("-")
    if not digits.isdigit():
        return text
    return f"{'-' if whole.startswith('-') else ''}{int(digits):,}{point}{fraction}"


def flat(statement: Statement) -> list[dict[str, str]]:
    """Return a statement as lines of a table for programs; amounts are decimal text, never rounded.

    Every line says whose statement it is and of which version; ``section`` and ``item`` what the
    ``amount`` is, for an asset and, where there is one, a market.
    """
    head = {
        "statement": statement.kind,
        "subject": statement.subject,
        "calendar": statement.period.calendar,
        "period": statement.period.name,
        "begins": iso(statement.period.begins),
        "ends": iso(statement.period.ends),
        "version": "" if statement.version is None else str(statement.version),
        "sha256": statement.sha256,
        "known_at": str(statement.drawn.known_at),
    }
    lines = _flat_house if statement.kind == "house" else _flat_account
    return [
        {**head, **dict(zip(COLUMNS[len(head) :], line, strict=True))}
        for asset in statement.figures["assets"]
        for line in lines(asset["asset"], asset)
    ]


COLUMNS: Final = (
    "statement",
    "subject",
    "calendar",
    "period",
    "begins",
    "ends",
    "version",
    "sha256",
    "known_at",
    "asset",
    "section",
    "market",
    "item",
    "amount",
    "count",
)
"""The columns of a statement's lines, in CSV and Parquet."""

_Line = tuple[str, str, str, str, str, str]


def _flat_account(name: str, asset: dict[str, Any]) -> Iterable[_Line]:
    for section in ("opening", "closing"):
        for item, amount in asset[section].items():
            yield name, section, "", item, amount, ""
    for section, key in (("movement", "movements"), ("pending", "pending")):
        for m in asset[key]:
            yield name, section, "", m["kind"], m["amount"], str(m["count"])
    for part in asset["parts"]:
        for line in part["lines"]:
            item = f"{part['part']}: {line['item']}"
            yield name, "attribution", line["market"], item, line["amount"], ""
    for line in asset["markets"]:
        for item, amount in line.items():
            if item != "market" and amount:
                yield name, "market", line["market"], item, amount, ""
    margin = asset["margin"]
    for level, asked in margin["levels"].items():
        yield name, "margin", "", f"{level} margin", asked, ""
        yield name, "margin", "", f"counted for {level}", margin["counted"][level], ""
    for item in ("free_margin", "withdrawable"):
        yield name, "margin", "", item, margin[item], ""
    yield name, "margin", "", f"status {margin['status']}", "", ""


def _flat_house(name: str, asset: dict[str, Any]) -> Iterable[_Line]:
    for line in asset["owners"]:
        for section in ("opening", "closing"):
            for item, amount in line[section].items():
                yield name, section, "", f"{line['owners']} {item}", amount, ""
    for line in asset["ledgers"]:
        who = f"{line['ledger']} {line['account']}".strip()
        yield name, "ledger opening", "", who, line["opening"], ""
        for m in line["movements"]:
            yield name, "ledger movement", "", f"{who}: {m['kind']}", m["amount"], str(m["count"])
        yield name, "ledger closing", "", who, line["closing"], ""
    for source, amount in asset["result"].items():
        yield name, "result", "", source, amount, ""


def titles(columns: Sequence[str]) -> list[str]:
    """Return the columns' names without the mark of numbers."""
    return [column.removeprefix(">") for column in columns]
