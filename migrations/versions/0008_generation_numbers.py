"""Numbers of generations that are never given twice, whatever was dropped.

Revision ID: 0008
Revises: 0007
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

NUMBERS = """
CREATE SEQUENCE clearing.generation_numbers;
SELECT setval('clearing.generation_numbers',
    (SELECT coalesce(max(number), 0) + 1 FROM clearing.generation), false);
COMMENT ON SEQUENCE clearing.generation_numbers IS
    'The number of the next generation: one that was dropped is not given again.';
DO $$ BEGIN
    IF to_regrole('clearing_owner') IS NOT NULL
        AND pg_has_role(current_user, 'clearing_owner', 'USAGE') THEN
        ALTER SEQUENCE clearing.generation_numbers OWNER TO clearing_owner;
        GRANT USAGE ON SEQUENCE clearing.generation_numbers TO clearing_projector;
    END IF;
END $$;
"""


def upgrade() -> None:
    driver = op.get_bind().connection.driver_connection
    if driver is None:
        raise RuntimeError("the migration's connection is closed")
    driver.execute(NUMBERS)


def downgrade() -> None:
    raise RuntimeError("a log is not taken back; restore a backup made before the upgrade")
