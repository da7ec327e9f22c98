"""The command line: every answer of the ledger for people, and with ``--json`` for programs.

Exit codes: 0 done; 1 input was refused, books differ or are not sound; 2 the question or its
options make no sense; 3 the database cannot be reached or started; 130 interrupted.
"""

import signal
import sys
from collections.abc import Sequence
from types import FrameType

import psycopg
from cyclopts import App

from clearing import __version__
from clearing.adapters import MergeRefused, OptionRefused, ParquetMissing
from clearing.audit import MomentUnclear
from clearing.cli import intake, queries, upkeep
from clearing.cli.demo import demo
from clearing.cli.output import err
from clearing.database import DatabaseUnavailable, SchemaTooNewError
from clearing.engine import OutOfOrder, UnknownKind
from clearing.events import UnknownVersion
from clearing.log import Conflict, LogHole
from clearing.projectors import BrokenCheckpoint, BrokenLeaf, CheckpointMoved, RebuildBusy

app = App(
    name="clearing",
    version=__version__,
    help="An event-sourced clearing ledger: account history, incidents, reconciliation.",
)
for command in (
    demo,
    upkeep.init,
    intake.append,
    upkeep.project,
    upkeep.rebuild,
    upkeep.verify,
    queries.status,
    queries.accounts,
    queries.account,
    queries.liquidations,
    queries.fund,
    queries.deviations,
    queries.fills,
    queries.quarantine,
    upkeep.psql,
):
    app.command(command)
app.command(intake.import_, name="import")
app.command(queries.trial_balance, name="trial-balance")

_UNSOUND = (
    BrokenCheckpoint,
    BrokenLeaf,
    CheckpointMoved,
    Conflict,
    intake.ConflictAt,
    LogHole,
    MergeRefused,
    OutOfOrder,
    RebuildBusy,
    UnknownKind,
    UnknownVersion,
)
_MISUSED = (MomentUnclear, OptionRefused, ParquetMissing)


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
    except _UNSOUND as error:
        return _fail(error, 1)
    except _MISUSED as error:
        return _fail(error, 2)
    except (DatabaseUnavailable, SchemaTooNewError) as error:
        return _fail(error, 3)
    except psycopg.OperationalError as error:
        return _fail(RuntimeError(f"the database went away: {error}"), 3)
    except ValueError as error:
        return _fail(error, 2)
    except KeyboardInterrupt:
        err.print("interrupted; what was committed stands, and running it again goes on from there")
        return 130
    except BrokenPipeError:
        return 0


def _fail(error: Exception, code: int) -> int:
    err.print(f"clearing: {error}", style="red", markup=False)
    return code
