"""Beside the name that somebody gives, the database keeps as whom they were connected."""

from pathlib import Path

from clearing.database import connect
from clearing.ledger import Ledger
from tests.reconcile.desk import Day


def test_proposals_decisions_and_steps_keep_the_user_of_the_connection(
    database_url: str, tmp_path: Path
) -> None:
    with Ledger.open(database_url) as ledger:
        day = Day(ledger, tmp_path)
        day.state(("a", 1, 10, 10))
        day.reconcile()
        asked = ledger.desk("ann").propose_for_break("write_off", 1, "not worth a letter")
        ledger.desk("bob").decide(asked.number, approve=True)
    with connect(database_url) as connection:
        (user,) = connection.execute("SELECT session_user").fetchone() or ("",)
        for table in ("recon_proposal", "recon_decision", "recon_history"):
            rows = connection.execute(f"SELECT DISTINCT recorded_as FROM clearing.{table}")  # noqa: S608 - a constant
            assert rows.fetchall() == [(user,)]
