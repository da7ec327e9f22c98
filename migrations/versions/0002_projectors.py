"""Generations of read models and the checkpoints of their projectors.

Revision ID: 0002
Revises: 0001
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE clearing.generation (
    number         integer PRIMARY KEY CHECK (number > 0),
    status         text NOT NULL
        CHECK (status IN ('building', 'live', 'retired', 'refused', 'checking')),
    engine_version text NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    finding        text NOT NULL DEFAULT ''
);

CREATE UNIQUE INDEX generation_one_live ON clearing.generation (status) WHERE status = 'live';

COMMENT ON TABLE clearing.generation IS
    'Complete sets of read models; the live one answers. finding says why one was refused.';

CREATE TABLE clearing.projector_checkpoint (
    projector  text    NOT NULL,
    generation integer NOT NULL REFERENCES clearing.generation (number) ON DELETE CASCADE,
    position   bigint  NOT NULL,
    entry_hash bytea   NOT NULL,
    PRIMARY KEY (projector, generation)
);

COMMENT ON TABLE clearing.projector_checkpoint IS
    'How far a projector has written, moved by compare-and-set with the rows it writes.';
"""

ROLES = """
DO $$
BEGIN
    IF to_regrole('clearing_owner') IS NULL OR to_regrole('clearing_projector') IS NULL
        OR NOT pg_has_role(current_user, 'clearing_owner', 'USAGE') THEN
        RETURN;
    END IF;
    ALTER TABLE clearing.generation OWNER TO clearing_owner;
    ALTER TABLE clearing.projector_checkpoint OWNER TO clearing_owner;
    EXECUTE format('GRANT CREATE ON DATABASE %I TO clearing_projector', current_database());
    GRANT SELECT, INSERT, UPDATE, DELETE ON clearing.generation, clearing.projector_checkpoint
        TO clearing_projector;
    GRANT SELECT ON clearing.generation, clearing.projector_checkpoint
        TO clearing_reader, clearing_appender;
    -- Whoever opens a ledger first looks at which schema it has.
    GRANT SELECT ON alembic_version TO clearing_appender, clearing_projector, clearing_reader;
END $$;
"""


def upgrade() -> None:
    driver = op.get_bind().connection.driver_connection
    if driver is None:
        raise RuntimeError("the migration's connection is closed")
    for script in (TABLES, ROLES):
        driver.execute(script)


def downgrade() -> None:
    raise RuntimeError("read models can be rebuilt, but a log is not taken back")
