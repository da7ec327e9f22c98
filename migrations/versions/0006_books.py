"""Issued statements: what was given out, version by version, and never changed.

Revision ID: 0006
Revises: 0005
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE clearing.statement (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind             text    NOT NULL CHECK (kind IN ('account', 'house')),
    subject          text COLLATE "C" NOT NULL,
    calendar         text COLLATE "C" NOT NULL,
    period           text COLLATE "C" NOT NULL,
    begins           bigint  NOT NULL,
    ends             bigint  NOT NULL,
    version          integer NOT NULL CHECK (version > 0),
    figures          text COLLATE "C" NOT NULL,
    sha256           bytea   NOT NULL,
    restates         bytea,
    known_at         bigint  NOT NULL,
    opening_position bigint  NOT NULL,
    closing_position bigint  NOT NULL,
    late_facts       bigint  NOT NULL,
    last_fact        bigint  NOT NULL,
    log_size         bigint  NOT NULL,
    log_root         bytea   NOT NULL,
    engine_version   text    NOT NULL,
    issued_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT statement_period CHECK (begins < ends AND ends <= last_fact),
    CONSTRAINT statement_subject CHECK ((kind = 'house') = (subject = '')),
    CONSTRAINT statement_figures CHECK (sha256 = sha256(convert_to(figures, 'UTF8'))),
    CONSTRAINT statement_restates CHECK ((version = 1) = (restates IS NULL)),
    UNIQUE (kind, subject, calendar, period, begins, ends, version)
);

COMMENT ON TABLE clearing.statement IS
    'Every issued statement: its figures as canonical JSON, and on what they were drawn.';
COMMENT ON COLUMN clearing.statement.restates IS
    'The SHA-256 of the figures of the version before, which this one takes the place of.';
"""

PROTECTIONS = """
CREATE FUNCTION clearing.refuse_statement_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on %.% is refused: an issued statement stands',
        TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation',
              HINT = 'Issue it again: other figures make a new version.';
END $$;

-- A version follows the one before it: by number, by naming its figures, by having others, and by
-- what was known no earlier.
CREATE FUNCTION clearing.guard_statement() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before record;
BEGIN
    SELECT version, sha256, known_at INTO before FROM clearing.statement
        WHERE (kind, subject, calendar, period, begins, ends)
            = (NEW.kind, NEW.subject, NEW.calendar, NEW.period, NEW.begins, NEW.ends)
        ORDER BY version DESC LIMIT 1;
    IF NEW.version <> coalesce(before.version, 0) + 1
        OR NEW.restates IS DISTINCT FROM before.sha256
        OR NEW.sha256 = before.sha256
        OR NEW.known_at < before.known_at THEN
        RAISE EXCEPTION 'version % does not follow version % of this statement',
            NEW.version, coalesce(before.version, 0)
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON clearing.statement
    FOR EACH STATEMENT EXECUTE FUNCTION clearing.refuse_statement_change();
CREATE TRIGGER follows BEFORE INSERT ON clearing.statement
    FOR EACH ROW EXECUTE FUNCTION clearing.guard_statement();
ALTER TABLE clearing.statement ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE clearing.statement ENABLE ALWAYS TRIGGER follows;
"""

# A projector issues: it answers for the read models that the figures come from.
ROLES = """
DO $$
BEGIN
    IF to_regrole('clearing_owner') IS NULL OR to_regrole('clearing_projector') IS NULL
        OR NOT pg_has_role(current_user, 'clearing_owner', 'USAGE') THEN
        RETURN;
    END IF;
    ALTER TABLE clearing.statement OWNER TO clearing_owner;
    ALTER FUNCTION clearing.refuse_statement_change() OWNER TO clearing_owner;
    ALTER FUNCTION clearing.guard_statement() OWNER TO clearing_owner;
    GRANT SELECT, INSERT ON clearing.statement TO clearing_projector;
    GRANT SELECT ON clearing.statement TO clearing_reader, clearing_appender;
END $$;
"""


def upgrade() -> None:
    driver = op.get_bind().connection.driver_connection
    if driver is None:
        raise RuntimeError("the migration's connection is closed")
    for script in (TABLES, PROTECTIONS, ROLES):
        driver.execute(script)


def downgrade() -> None:
    raise RuntimeError("issued statements are not taken back; restore a backup")
