"""Commands about rulebooks: list, show, check, diff, derive, adopt.

Where a rulebook is asked for, a file of that name is taken first, else NAME or NAME@VERSION of the
log.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter

from clearing.audit import derive_rulebook, rederive, rulebooks
from clearing.audit import rulebook as adopted_rulebook
from clearing.cli.output import err, out, print_json, shown_time, table
from clearing.cli.queries import At
from clearing.cli.where import Where, ledger, parse_at
from clearing.events.canonical import document_hash, normalise_document
from clearing.events.declarations import MAX_DOCUMENT_BYTES
from clearing.events.fields import parse_time
from clearing.ledger import Ledger
from clearing.log import position_of
from clearing.rulebook import RulebookRefused, check_document, compile_rulebook
from clearing.rulebook.comparing import differences
from clearing.rulebook.derivation import check_recipe

app = App(name="rulebook", help="Rulebooks: what was adopted, what a file says, what differs.")

_SHOWN = 12


@app.command(name="list")
def list_(*, at: At = None, where: Where | None = None) -> None:
    """List every adoption: what it was, who wanted and allowed it, and when it held."""
    with ledger(where) as opened:
        views = rulebooks(opened.connection, opened.moment(parse_at(at)))
    if where is not None and where.json:
        print_json(views)
        return
    rows = [
        (
            f"{view.name}@{view.version}",
            view.settlement_asset,
            view.document_sha256[:_SHOWN],
            view.status,
            "" if view.since is None else str(view.since),
            "" if view.until is None else str(view.until),
            view.author,
            view.approver,
            view.confidence,
            view.reason,
        )
        for view in views
    ]
    columns = ("rulebook", "asset", "hash", "status", ">from", ">until", "author", "approver")
    out.print(table("Rulebooks", (*columns, "confidence", "reason"), rows))


@app.command
def show(
    name: str, *, version: str | None = None, at: At = None, where: Where | None = None
) -> None:
    """Show a rulebook of the log: its adoption, and its document as JSON."""
    with ledger(where) as opened:
        moment = opened.moment(parse_at(at))
        view, document = adopted_rulebook(opened.connection, name, version, moment)
    if where is not None and where.json:
        print_json({"adoption": view, "document": document})
        return
    rows = [
        ("hash", view.document_sha256),
        ("status", view.status),
        ("adopted at position", f"{view.adopted} ({shown_time(view.occurred_at)})"),
        ("held", f"{view.since or '-'} to {view.until or '-'}"),
        ("author · approver", f"{view.author} · {view.approver}"),
        ("reason", view.reason),
        ("confidence", view.confidence),
        *(("citation", text) for text in view.citations),
    ]
    out.print(table(f"Rulebook {view.name}@{view.version}", ("", ""), rows))
    print(json.dumps(document, indent=2, ensure_ascii=False))


@app.command
def check(
    rulebook: str,
    *,
    against_ledger: Annotated[
        bool,
        Parameter(
            negative=(),
            help="also that every name is declared, amounts fit, and a derivation gives the same",
        ),
    ] = False,
    where: Where | None = None,
) -> int:
    """Check a rulebook, a file or NAME[@VERSION]: every problem with its path, or its hash."""
    document = _either(rulebook, None, where)
    _, problems = check_document(document)
    if against_ledger and not problems:
        with ledger(where) as opened:
            problems = _problems(opened, document)
    sha256 = document_hash(document)
    if where is not None and where.json:
        print_json({"file": rulebook, "document_sha256": sha256, "problems": problems})
    elif not problems:
        out.print(f"{rulebook} is sound; its hash is {sha256}", markup=False)
    else:
        _say(rulebook, problems)
    return 1 if problems else 0


@app.command
def diff(one: str, other: str, *, at: At = None, where: Where | None = None) -> int:
    """Compare two rulebooks, files or NAME[@VERSION] of the log; 1 if they differ."""
    found = list(differences(_either(one, at, where), _either(other, at, where)))
    if where is not None and where.json:
        print_json([{"path": path, "one": a, "other": b} for path, a, b in found])
    elif found:
        rows = [(path, _text(a), _text(b)) for path, a, b in found]
        out.print(table("Differences", ("path", one, other), rows))
    else:
        out.print("they say the same", markup=False)
    return 1 if found else 0


@app.command
def derive(
    recipe: str,
    *,
    base: Annotated[str, Parameter(help="NAME or NAME@VERSION of the log, to start from")],
    out_file: Annotated[str, Parameter(name="--out", help="the file to write, a new one")],
    at: At = None,
    where: Where | None = None,
) -> int:
    """Derive a rulebook's parameters from the log by a recipe file; nothing is adopted."""
    content = _read(recipe)
    problems = check_recipe(content)
    if problems:
        _say(recipe, problems)
        return 1
    target = Path(out_file)
    if target.exists():
        raise ValueError(f"{out_file} is there already; name a new file")
    name, _, version = base.partition("@")
    with ledger(where) as opened:
        moment = opened.moment(parse_at(at))
        view, _ = adopted_rulebook(opened.connection, name, version or None, moment)
        sha256 = view.document_sha256
        document, working = derive_rulebook(opened.connection, sha256, content, moment)
        problems = _problems(opened, document)
    if problems:
        _say(recipe, problems)
        return 1
    target.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    answer = {"document_sha256": document_hash(document), "position": moment.position}
    if where is not None and where.json:
        print_json({**answer, "file": out_file, "parameters": working})
        return 0
    rows = [(w.path, w.measured, w.before, w.after, w.limit) for w in working]
    title = f"{view.name}@{view.version} by {recipe}, measured at {moment.position}"
    out.print(table(title, ("path", ">measured", ">before", ">after", "limit"), rows))
    out.print(f"{out_file}: its hash is {answer['document_sha256']}", markup=False)
    return 0


@app.command
def adopt(
    file: str,
    *,
    name: str,
    version: str,
    author: str,
    approver: str,
    reason: str,
    source: str,
    effective: Annotated[
        int | None, Parameter(help="the log position from which it is to hold")
    ] = None,
    confidence: Literal["confirmed", "secondary", "unconfirmed", "own"] = "own",
    cite: Annotated[tuple[str, ...], Parameter(negative=())] = (),
    occurred: Annotated[
        str | None, Parameter(help="when it was decided, with an offset; now by default")
    ] = None,
    id: Annotated[  # noqa: A002 - the option is called --id
        str | None, Parameter(help="the event's external id; by default from hash and position")
    ] = None,
    where: Where | None = None,
) -> int:
    """Append a rulebook's adoption, after checking it against the ledger; nothing else is done."""
    if author == approver:
        raise ValueError(f"--approver is {approver}, the author; somebody else has to approve")
    document = _read(file)
    sha256 = document_hash(document)
    external_id = id or f"rulebook-{sha256[:32]}-{effective or 'now'}"
    moment = datetime.now(UTC) if occurred is None else parse_time(occurred)
    with ledger(where) as opened:
        problems = _problems(opened, document)
        if problems:
            _say(file, problems)
            return 1
        ordinal = opened.writer.registry.source_ordinals.get(source, 0)
        known = position_of(opened.connection, ordinal, external_id) if ordinal else None
        if known is None:
            event: dict[str, Any] = {
                "kind": "RulebookAdopted",
                "source": source,
                "external_id": external_id,
                "occurred_at": moment.isoformat(),
                "name": name,
                "version": version,
                "document": document,
                "author": author,
                "approver": approver,
                "reason": reason,
                "confidence": confidence,
                "citations": list(cite),
            }
            if effective is not None:
                event["effective_position"] = effective
            (receipt,) = opened.append([event])
            opened.project()
            known = receipt.last_position
            duplicate = False
        else:
            duplicate = True
    answer = {"document_sha256": sha256, "position": known, "duplicate": duplicate}
    if where is not None and where.json:
        print_json(answer)
    elif duplicate:
        out.print(f"it was adopted at log position {known} already; nothing was appended")
    else:
        out.print(f"adopted at log position {known}; its hash is {sha256}", markup=False)
    return 0


def _read(file: str) -> dict[str, Any]:
    """Return the document of a file; :class:`ValueError` names the file and what is wrong."""
    path = Path(file)
    if not path.is_file():
        raise ValueError(f"{file} is no file")
    if path.stat().st_size > 2 * MAX_DOCUMENT_BYTES:
        raise ValueError(f"{file} is larger than {2 * MAX_DOCUMENT_BYTES} bytes")
    try:
        document = normalise_document(json.loads(path.read_text(encoding="utf-8")))
    except (UnicodeDecodeError, json.JSONDecodeError, ValueError) as error:
        raise ValueError(f"{file}: {error}") from error
    if not isinstance(document, dict):
        raise ValueError(f"{file}: is no JSON object")
    return document


def _either(text: str, at: str | None, where: Where | None) -> dict[str, Any]:
    if Path(text).is_file():
        return _read(text)
    name, _, version = text.partition("@")
    with ledger(where) as opened:
        moment = opened.moment(parse_at(at))
        return adopted_rulebook(opened.connection, name, version or None, moment)[1]


def _problems(opened: Ledger, document: dict[str, Any]) -> list[str]:
    """Return what keeps a document from taking effect in this ledger."""
    registry = opened.writer.registry
    try:
        compile_rulebook(document, registry, name="check", version="1", sha256="")
    except RulebookRefused as refused:
        return refused.problems
    return rederive(opened.connection, document, opened.moment(None))


def _say(file: str, problems: list[str]) -> None:
    for problem in problems:
        err.print(f"{file}: {problem}", markup=False, soft_wrap=True)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
