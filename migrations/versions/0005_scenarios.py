"""Generations of scenarios: read models of what would have been, which are never the books.

Revision ID: 0005
Revises: 0004
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

COLUMNS = """
ALTER TABLE clearing.generation
    ADD COLUMN scenario text NOT NULL DEFAULT '',
    ADD COLUMN since bigint NOT NULL DEFAULT 0,
    DROP CONSTRAINT generation_status_check,
    ADD CONSTRAINT generation_status_check CHECK (status IN
        ('building', 'live', 'retired', 'refused', 'checking', 'staging', 'scenario')),
    ADD CONSTRAINT generation_scenario_check
        CHECK ((scenario <> '') = (status IN ('staging', 'scenario')));

COMMENT ON COLUMN clearing.generation.scenario IS
    'The document of the scenario that these read models are of; empty for the log itself.';
COMMENT ON COLUMN clearing.generation.since IS
    'The first log position that the scenario may have changed.';
"""


def upgrade() -> None:
    driver = op.get_bind().connection.driver_connection
    if driver is None:
        raise RuntimeError("the migration's connection is closed")
    driver.execute(COLUMNS)


def downgrade() -> None:
    raise RuntimeError("a log is not taken back; restore a backup made before the upgrade")
