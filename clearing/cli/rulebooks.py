"""Commands about rulebooks: list, show, preset, check, diff, derive, adopt.

Where a rulebook is asked for, a file of that name is taken first, else NAME or NAME@VERSION of the
log.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter

from clearing.audit import RulebookView, derive_rulebook, rederive, rulebooks
from clearing.audit import rulebook as adopted_rulebook
from clearing.cli.moment import When, moment_of
from clearing.cli.output import err, out, print_json, print_text, shown_time, table
from clearing.cli.where import Where, ledger
from clearing.events import EventRefused
from clearing.events.canonical import document_hash
from clearing.events.fields import parse_time
from clearing.events.lines import MAX_LINE_BYTES, read_document
from clearing.ledger import Ledger
from clearing.log import position_of
from clearing.rulebook import RulebookRefused, check_document, compile_rulebook
from clearing.rulebook.comparing import differences
from clearing.rulebook.derivation import check_recipe
from clearing.rulebook.presets import PRESETS, Names

app = App(name="rulebook", help="Rulebooks: what was adopted, what a file says, what differs.")

_SHOWN = 12


@app.command(name="list")
def list_(*, when: When | None = None, where: Where | None = None) -> None:
    """List every adoption: what it was, who wanted and allowed it, and when it held."""
    with ledger(where) as opened:
        views = rulebooks(opened.connection, moment_of(opened, when))
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
    name: str, *, version: str | None = None, when: When | None = None, where: Where | None = None
) -> None:
    """Show a rulebook of the log, NAME or NAME@VERSION: its adoption, its document as JSON."""
    name, told = _named(name)
    if told is not None and version not in (None, told):
        raise ValueError(f"--version {version} is not the one of {name}@{told}")
    version = version or told
    with ledger(where) as opened:
        moment = moment_of(opened, when)
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
    print_text(json.dumps(document, indent=2, ensure_ascii=False))


@app.command
def preset(
    name: str | None = None,
    *,
    asset: str = "USD",
    fund: str = "insurance",
    keeper: str = "keeper",
    account_class: str = "trader",
    mode: Literal["record", "verify", "derive"] = "derive",
    collateral: str = "WETH",
    price_market: str = "WETH-USD",
    about: Annotated[
        bool, Parameter(negative=(), help="sources and limits instead of the document")
    ] = False,
    as_json: Annotated[bool, Parameter(name="--json", negative=(), help="answer as JSON")] = False,
) -> None:
    """Print a venue's rules as a rulebook with your own names; without NAME, list the venues."""
    if name is None:
        listed = [(p.name, p.title, p.market, p.confidence) for p in PRESETS.values()]
        columns = ("name", "title", "market", "confidence")
        if as_json:
            print_json([dict(zip(columns, row, strict=True)) for row in listed])
        else:
            out.print(table("Presets", columns, listed))
        return
    found = PRESETS.get(name)
    if found is None:
        raise ValueError(f"there is no preset {name!r}; there are {', '.join(PRESETS)}")
    if not about:
        names = Names(asset, fund, keeper, account_class, mode, collateral, price_market)
        print_json(found.build(names))
    elif as_json:
        print_json({"citations": found.citations, "limits": found.limits})
    else:
        rows = [("venue", found.title), ("rates are those of", found.market)]
        rows += [("confidence", found.confidence)]
        rows += [("source", text) for text in found.citations]
        rows += [("limit", text) for text in found.limits]
        out.print(table(f"Preset {name}", ("", ""), rows))


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
def diff(one: str, other: str, *, when: When | None = None, where: Where | None = None) -> int:
    """Compare two rulebooks, files or NAME[@VERSION] of the log; 1 if they differ."""
    found = list(differences(_either(one, when, where), _either(other, when, where)))
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
    when: When | None = None,
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
    if not target.parent.is_dir():
        raise ValueError(f"{out_file}: there is no folder {target.parent}")
    name, version = _named(base)
    with ledger(where) as opened:
        moment = moment_of(opened, when)
        view, _ = adopted_rulebook(opened.connection, name, version, moment)
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
    # The same decision again is the same event; another version of the same document is not.
    decision = document_hash({"name": name, "version": version, "document": sha256})
    external_id = id or f"rulebook-{decision[:32]}-{effective or 'now'}"
    moment = datetime.now(UTC) if occurred is None else parse_time(occurred)
    with ledger(where) as opened:
        problems = _problems(opened, document)
        if problems:
            _say(file, problems)
            return 1
        ordinal = opened.writer.registry.source_ordinals.get(source, 0)
        known = position_of(opened.connection, ordinal, external_id) if ordinal else None
        if known is None:
            _refuse_reuse(opened, name, version, sha256)
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
        adoptions = rulebooks(opened.connection, opened.moment(None))
        view = next(view for view in adoptions if view.adopted == known)
    answer = {
        "document_sha256": sha256,
        "position": known,
        "duplicate": duplicate,
        "status": view.status,
        "since": view.since,
    }
    if where is not None and where.json:
        print_json(answer)
        return 0 if view.status != "refused" else 1
    if duplicate:
        out.print(f"it was adopted at log position {known} already; nothing was appended")
    else:
        out.print(f"adopted at log position {known}; its hash is {sha256}", markup=False)
    return _say_course(view, effective)


def _refuse_reuse(opened: Ledger, name: str, version: str, sha256: str) -> None:
    """Refuse a name and version under which the log has another document."""
    for view in rulebooks(opened.connection, opened.moment(None)):
        if (view.name, view.version) == (name, version) and view.document_sha256 != sha256:
            raise ValueError(
                f"{name}@{version} was adopted at log position {view.adopted} with another"
                f" document ({view.document_sha256[:_SHOWN]}); give another --version"
            )


def _say_course(view: RulebookView, effective: int | None) -> int:
    """Say from when on what was adopted holds; 1 if it was refused when it would take effect."""
    if view.status == "refused":
        err.print("it did not take effect; clearing deviations says why", markup=False)
        return 1
    if view.status == "scheduled":
        out.print(f"it will hold from log position {effective}", markup=False)
    elif view.since is not None:
        passed = effective is not None and effective < view.since
        late = f"; {effective} had passed" if passed else ""
        out.print(f"it holds from log position {view.since}{late}", markup=False)
    return 0


def _read(file: str) -> dict[str, Any]:
    """Return the document of a file; :class:`ValueError` names the file and what is wrong."""
    path = Path(file)
    if not path.is_file():
        raise ValueError(f"{file} is no file")
    if path.stat().st_size > MAX_LINE_BYTES:
        raise ValueError(f"{file} is larger than {MAX_LINE_BYTES} bytes")
    try:
        return read_document(path.read_bytes())
    except EventRefused as refused:
        raise ValueError(f"{file}: {refused}") from refused


def _named(text: str) -> tuple[str, str | None]:
    """Return name and version of NAME or NAME@VERSION; ValueError where either is empty."""
    name, at, version = text.partition("@")
    if not name or (at and not version):
        raise ValueError(f"{text!r} is neither a file nor NAME or NAME@VERSION of the log")
    return name, version or None


def _either(text: str, when: When | None, where: Where | None) -> dict[str, Any]:
    path = Path(text)
    if path.is_file():
        return _read(text)
    if path.suffix or path.is_dir() or len(path.parts) > 1:
        raise ValueError(f"{text} is no file")
    name, version = _named(text)
    with ledger(where) as opened:
        moment = moment_of(opened, when)
        return adopted_rulebook(opened.connection, name, version, moment)[1]


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
