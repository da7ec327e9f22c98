"""Indexes by which histories find events that leave no entry, and receipts by position.

Most events leave an entry that names whoever they name, and entries have indexes of their own.
These are for those that may not (openings, observed prices and samples, funding and interest that
a mode does not take, auctions, pools, trades that a venue says were forced), so fills, other
trades, cash, marks and orders cost nothing.

Revision ID: 0004
Revises: 0003
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

INDEXES = """
CREATE INDEX log_accounts ON clearing.log (account, position)
    WHERE account > 0 AND (kind NOT IN (10, 11, 12, 13, 14, 15, 21, 22, 23, 24)
        OR (kind = 22 AND flags <> 0));
CREATE INDEX log_contras ON clearing.log (contra, position)
    WHERE contra > 0 AND (kind NOT IN (3, 10, 11, 12, 13, 14, 15, 21, 22, 23, 24)
        OR (kind = 22 AND flags <> 0));
CREATE INDEX log_markets ON clearing.log (market, position)
    WHERE market > 0 AND kind NOT IN (21, 22, 23, 24, 31, 32, 34, 35);
CREATE INDEX log_receipt_last ON clearing.log_receipt (last_position, batch);
"""


def upgrade() -> None:
    driver = op.get_bind().connection.driver_connection
    if driver is None:
        raise RuntimeError("the migration's connection is closed")
    driver.execute(INDEXES)


def downgrade() -> None:
    raise RuntimeError("a log is not taken back; restore a backup made before the upgrade")
