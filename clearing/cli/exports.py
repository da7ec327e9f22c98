"""Commands that write the books for other tools: export beancount, hledger, parquet, csv."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from clearing.books.exports import TablesWritten
from clearing.cli.moment import When, moment_of
from clearing.cli.output import out, print_json, steps
from clearing.cli.where import Where, ledger

app = App(name="export", help="The books for other tools: journals of postings, tables of all.")

File = Annotated[Path, Parameter(name="--out", help="the file to write; it must not exist")]
Folder = Annotated[Path, Parameter(name="--out", help="the folder to make; it must not exist")]
Accounts = Annotated[
    list[str] | None,
    Parameter(name="--account", help="only events that moved cash of this account; repeatable"),
]
Daily = Annotated[
    bool, Parameter(negative=(), help="assert balances at the end of each day as well")
]


@app.command
def beancount(
    *,
    to: File,
    account: Accounts = None,
    daily: Daily = False,
    when: When | None = None,
    where: Where | None = None,
) -> None:
    """Write every cash posting as a beancount journal with balance assertions."""
    _export("beancount", to, account or [], when, where, daily=daily)


@app.command
def hledger(
    *,
    to: File,
    account: Accounts = None,
    daily: Daily = False,
    when: When | None = None,
    where: Where | None = None,
) -> None:
    """Write every cash posting as an hledger journal with balance assertions."""
    _export("hledger", to, account or [], when, where, daily=daily)


@app.command
def parquet(*, to: Folder, when: When | None = None, where: Where | None = None) -> None:
    """Write every table as a Parquet file, with a manifest."""
    _export("parquet", to, [], when, where)


@app.command
def csv(*, to: Folder, when: When | None = None, where: Where | None = None) -> None:
    """Write every table as a CSV file with times in ISO 8601, with a manifest."""
    _export("csv", to, [], when, where)


def _export(
    form: str,
    path: Path,
    accounts: list[str],
    when: When | None,
    where: Where | None,
    *,
    daily: bool = False,
) -> None:
    with ledger(where) as opened:
        moment = moment_of(opened, when)
        journal = form in ("beancount", "hledger")
        with steps("written", moment.plain() if journal else None) as progress:
            answer = opened.export(
                form, path, moment, accounts=accounts, daily=daily, progress=progress.reached
            )
    if where is not None and where.json:
        print_json(answer)
        return
    if isinstance(answer, TablesWritten):
        rows = sum(each.rows for each in answer.files)
        words = f"{answer.folder}: {len(answer.files)} tables, {rows:,} rows"
    else:
        words = (
            f"{answer.file}: {answer.transactions:,} transactions,"
            f" {answer.assertions:,} balances asserted"
        )
    out.print(f"{words}, up to log position {answer.log_position:,}", markup=False)
