"""The command line: every answer of the ledger for people, and with ``--json`` for programs.

Exit codes: 0 done; 1 input was refused, books differ or are not sound; 2 the question or its
options make no sense, or `verify` could not tell; 3 the database cannot be reached, started or
used; 4 another command holds what this one needs; 130 interrupted; 143 terminated.
"""

import signal
import sys
from collections.abc import Sequence
from types import FrameType

import psycopg
from cyclopts import App

from clearing import __version__
from clearing.adapters import MergeRefused, OptionRefused, ParquetMissing
from clearing.audit import CheckpointRefused, MomentUnclear
from clearing.books import BooksDoNotAddUp, ExtraMissing
from clearing.books.liabilities import LiabilitiesDiffer
from clearing.cli import (
    accounts,
    attribution,
    books,
    checks,
    corrections,
    evidence,
    explain,
    exports,
    funds,
    generations,
    history,
    house,
    intake,
    liabilities,
    liquidations,
    proofs,
    recompute,
    reconcile,
    rulebooks,
    sample,
    scenarios,
    signoff,
    statements,
    status,
    stress,
    upkeep,
)
from clearing.cli.close import close
from clearing.cli.demo import demo
from clearing.cli.deviations import deviations
from clearing.cli.output import err
from clearing.database import DatabaseUnavailable, SchemaTooNewError
from clearing.engine import OutOfOrder, UnknownKind
from clearing.events import UnknownVersion
from clearing.log import Conflict, LogHole
from clearing.log.tiles import StoreBroken
from clearing.projectors import BrokenCheckpoint, BrokenLeaf, CheckpointMoved, RebuildBusy

app = App(
    name="clearing",
    version=__version__,
    help="An event-sourced clearing ledger: account history, incidents, reconciliation.",
    suppress_keyboard_interrupt=False,  # `run` says what an interrupt leaves
)
for command in (
    demo,
    upkeep.init,
    intake.append,
    upkeep.project,
    upkeep.rebuild,
    upkeep.verify,
    proofs.checkpoint,
    scenarios.replay,
    attribution.attribute,
    scenarios.diff,
    scenarios.bisect,
    stress.stress,
    corrections.corrections,
    corrections.impact,
    status.status,
    accounts.accounts,
    accounts.account,
    liquidations.liquidations,
    house.market,
    funds.fund,
    house.house,
    history.history,
    deviations,
    liquidations.fills,
    status.quarantine,
    reconcile.reconcile,
    reconcile.residuals,
    reconcile.threeway,
    close,
    upkeep.psql,
):
    app.command(command)
app.command(intake.import_, name="import")
app.command(rulebooks.app)
app.command(explain.app)
app.command(books.app)
app.command(evidence.app)
app.command(exports.app)
app.command(liabilities.app)
app.command(proofs.app)
app.command(sample.app)
app.command(generations.app)
app.command(statements.app)
app.command(reconcile.app)
app.command(signoff.app)
app.command(recompute.app)
app.command(checks.app)
app.command(house.trial_balance, name="trial-balance")

_CODES: dict[int, tuple[type[Exception], ...]] = {
    1: (
        BooksDoNotAddUp,
        BrokenCheckpoint,
        BrokenLeaf,
        CheckpointRefused,
        Conflict,
        intake.ConflictAt,
        LiabilitiesDiffer,
        LogHole,
        MergeRefused,
        OutOfOrder,
        StoreBroken,
        UnknownKind,
        UnknownVersion,
    ),
    4: (CheckpointMoved, RebuildBusy),
    3: (DatabaseUnavailable, SchemaTooNewError),
    2: (ExtraMissing, MomentUnclear, OptionRefused, ParquetMissing, ValueError),
}
"""Exit codes of known errors, the narrower errors first."""
_KNOWN = tuple(kind for kinds in _CODES.values() for kind in kinds)
_RIGHTS = (
    "appending needs the role clearing_appender, projecting, rebuilding and verifying"
    " clearing_projector (as issuing statements does), asking clearing_reader"
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    signal.signal(signal.SIGTERM, _terminated)
    sys.exit(run(arguments))


def _terminated(signum: int, frame: FrameType | None) -> None:
    """End on SIGTERM as on an interrupt, so that a private server is let go of."""
    del frame
    raise SystemExit(128 + signum)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    try:
        result = app(arguments, result_action="return_value")
        return result if isinstance(result, int) else 0
    except _KNOWN as error:
        return _fail(error, next(code for code in _CODES if isinstance(error, _CODES[code])))
    except psycopg.OperationalError as error:
        return _fail(RuntimeError(f"the database went away: {error}"), 3)
    except psycopg.errors.InsufficientPrivilege as error:
        return _fail(RuntimeError(f"{error}; {_RIGHTS}"), 3)
    except KeyboardInterrupt:
        err.print("interrupted; what was committed stands, and running it again goes on from there")
        return 130
    except BrokenPipeError:
        return 0


def _fail(error: Exception, code: int) -> int:
    err.print(f"clearing: {error}", style="red", markup=False)
    return code
