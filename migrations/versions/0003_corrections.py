"""An index of the few events that amend others, so that they are found in a long log.

Revision ID: 0003
Revises: 0002
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# Adjustments, reversals, certifications, restatements, and marks that correct others: the canonical
# detail of such a mark begins with what it amends.
INDEX = """
CREATE INDEX log_corrections ON clearing.log (position)
    WHERE kind IN (15, 16, 50, 51) OR detail LIKE '{"amends"%';
"""


def upgrade() -> None:
    driver = op.get_bind().connection.driver_connection
    if driver is None:
        raise RuntimeError("the migration's connection is closed")
    driver.execute(INDEX)


def downgrade() -> None:
    op.execute("DROP INDEX clearing.log_corrections")
