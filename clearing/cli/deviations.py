"""The command that lists deviations: what was expected, what was found, and the evidence."""

from typing import Annotated

from cyclopts import Parameter

from clearing.audit import DeviationEvidence
from clearing.cli.moment import Limit, When, moment_of
from clearing.cli.output import amount, out, print_json, short, shown_time, table
from clearing.cli.where import Where, ledger


def deviations(
    *,
    code: Annotated[str | None, Parameter(help="only this kind")] = None,
    when: When | None = None,
    evidence: Annotated[
        bool, Parameter(negative=(), help="each with its event, rulebook, mark and units")
    ] = False,
    limit: Limit = 1000,
    where: Where | None = None,
) -> None:
    """List where facts contradicted the rules: what was expected and what was found."""
    with ledger(where) as opened:
        moment = moment_of(opened, when)
        if evidence:
            print_evidence(opened.deviation_evidence(moment, code=code, limit=limit), where)
            return
        answer = opened.deviations(moment, code=code, limit=limit)
    if where is not None and where.json:
        print_json(answer)
        return
    rows = [
        (f"{d.log_position:,}", d.code, d.account, d.market, d.expected, d.found, d.detail)
        for d in answer
    ]
    columns = (">position", "code", "account", "market", ">expected", ">found", "detail")
    out.print(table("Deviations", columns, rows))


def print_evidence(found: list[DeviationEvidence], where: Where | None) -> None:
    """Print each deviation with what it rests on."""
    if where is not None and where.json:
        print_json(found)
        return
    if not found:
        out.print("no deviations")
    for one in found:
        d, source = one.deviation, one.source
        said = f"expected {d.expected}, " if d.expected else ""
        found_text = f"{said}found {d.found}".rstrip() if d.found else said.rstrip(", ")
        held = one.rulebook
        rows = [
            ("means", one.meaning),
            ("account", d.account),
            ("market", d.market),
            ("says", f"{found_text} {one.unit}".strip()),
            ("detail", d.detail),
            ("mark", amount(one.mark)),
            ("equity", short(one.equity)),
            ("maintenance", short(one.maintenance)),
            ("event", f"{source.kind} {source.source}/{source.external_id}".strip()),
            ("occurred", shown_time(source.occurred_at)),
            ("leaf", source.leaf),
            ("rulebook", "" if held is None else f"{held.name} {held.version}"),
            ("document", "" if held is None else held.document_sha256),
        ]
        title = f"{d.log_position:,} {d.code}"
        out.print(table(title, ("", ""), [row for row in rows if row[1]]))
