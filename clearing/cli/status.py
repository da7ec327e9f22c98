"""Commands about the ledger itself: how far it is, and what could not become an event."""

from clearing.audit import LedgerStatus
from clearing.cli.moment import Limit
from clearing.cli.output import out, print_json, shown_time, table
from clearing.cli.where import Where, ledger


def status(*, where: Where | None = None) -> None:
    """Show how far log and read models are, and which protections are active."""
    with ledger(where) as opened:
        answer, database = opened.status(), opened.describe()
    if where is not None and where.json:
        print_json({"ledger": answer, "database": database})
        return
    rows = [
        ("log position", f"{answer.log_position:,}"),
        ("log root", answer.log_root),
        ("batches", f"{answer.batches:,}"),
        ("recorded", shown_time(answer.recorded_at)),
        ("sources · assets · markets · accounts", _counts(answer)),
        ("live generation", f"{answer.generation} (engine {answer.engine_version or '-'})"),
        ("projected position", f"{answer.projected_position:,}"),
        ("behind", f"{answer.log_position - answer.projected_position:,}"),
        ("quarantined lines", f"{answer.quarantined:,}"),
        *(
            (name.replace("_", " "), "yes" if on else "no")
            for name, on in answer.protections.items()
        ),
        *((name.replace("_", " "), str(value)) for name, value in database.items()),
    ]
    out.print(table("Ledger", ("", ""), rows))


def _counts(answer: LedgerStatus) -> str:
    counts = (answer.sources, answer.assets, answer.markets, answer.accounts)
    return " · ".join(f"{count:,}" for count in counts)


def quarantine(*, limit: Limit = 1000, where: Where | None = None) -> None:
    """List input that could not become an event: file, line, field, reason."""
    with ledger(where) as opened:
        answer = opened.quarantined(limit)
    if where is not None and where.json:
        print_json(answer)
        return
    rows = [
        (shown_time(item.recorded_at), item.file, f"{item.line:,}", item.field, item.reason)
        for item in answer
    ]
    out.print(table("Quarantine", ("recorded", "file", ">line", "field", "reason"), rows))
