"""Matches follow the last reconciliation; nobody approves a limit higher than their own.

Revision ID: 0010
Revises: 0009
"""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TABLE = """
-- The time is in what was matched already; matches that were recorded before get it from there.
ALTER TABLE clearing.recon_match ADD COLUMN at bigint;
ALTER TABLE clearing.recon_match DISABLE TRIGGER append_only;
UPDATE clearing.recon_match SET at =
    (extract(epoch FROM (ours::jsonb -> 0 ->> 'occurred_at')::timestamptz) * 1000000)::bigint;
ALTER TABLE clearing.recon_match ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE clearing.recon_match ALTER COLUMN at SET NOT NULL;
CREATE INDEX recon_match_at ON clearing.recon_match (at);
COMMENT ON TABLE clearing.recon_match IS
    'What was found to belong together, by which rule, when first; at: the earliest moment of it.';

CREATE TABLE clearing.recon_match_step (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    match    bytea NOT NULL REFERENCES clearing.recon_match,
    run      bigint NOT NULL REFERENCES clearing.recon_run,
    in_force boolean NOT NULL
);
CREATE INDEX recon_match_step_of ON clearing.recon_match_step (match, id);
COMMENT ON TABLE clearing.recon_match_step IS
    'That a reconciliation made a match no longer, or made it again; without any it is in force.';

CREATE VIEW clearing.recon_match_in_force AS
    SELECT m.key, r.leg, r.venue, r.account, m.rule, m.side, m.what, m.at, m.ours, m.theirs,
        m.tolerance, m.residual
    FROM clearing.recon_match m JOIN clearing.recon_run r ON r.id = m.run
    WHERE coalesce((SELECT s.in_force FROM clearing.recon_match_step s WHERE s.match = m.key
        ORDER BY s.id DESC LIMIT 1), true);
COMMENT ON VIEW clearing.recon_match_in_force IS
    'The matches as the last reconciliation that looked at them made them.';
"""

LIMITS = """
-- A proposal of a limit is measured by the limit that it would give, against what its approver may
-- approve of all that it is of: the most particular limit that covers all of it, and every one
-- of theirs within it. Where nobody has any limit of any of it yet, it is free.
CREATE FUNCTION clearing.guard_limit() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog AS $$
DECLARE
    asked   record;
    of_kind text;
    of_asset text;
    given   numeric;
    allowed numeric;
BEGIN
    SELECT * INTO asked FROM clearing.recon_proposal WHERE id = NEW.proposal;
    IF asked.kind <> 'limit' OR NOT NEW.approved THEN
        RETURN NEW;
    END IF;
    of_kind := asked.document::jsonb ->> 'kind';
    of_asset := asked.document::jsonb ->> 'asset';
    given := (asked.document::jsonb ->> 'amount')::numeric;
    IF NOT EXISTS (SELECT FROM clearing.recon_limit WHERE (kind IN (of_kind, '*') OR of_kind = '*')
            AND (asset IN (of_asset, '*') OR of_asset = '*')) THEN
        RETURN NEW;
    END IF;
    WITH own AS (
        SELECT DISTINCT ON (kind, asset) kind, asset, amount FROM clearing.recon_limit
        WHERE person = NEW.approver ORDER BY kind, asset, version DESC
    ), covering AS (
        SELECT amount FROM own WHERE kind IN (of_kind, '*') AND asset IN (of_asset, '*')
        ORDER BY (kind = of_kind)::int + (asset = of_asset)::int DESC, kind DESC LIMIT 1
    ), within AS (
        SELECT amount FROM own WHERE (of_kind = '*' OR kind = of_kind)
            AND (of_asset = '*' OR asset = of_asset)
    )
    SELECT CASE WHEN EXISTS (SELECT FROM covering) THEN
        (SELECT min(amount) FROM (TABLE covering UNION ALL TABLE within) every_one) END
        INTO allowed;
    IF allowed IS NULL OR allowed < given THEN
        RAISE EXCEPTION 'proposal % gives a limit of % for % in %, and % may approve up to %',
            NEW.proposal, given, of_kind, of_asset, NEW.approver, coalesce(allowed, 0)
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER within_own_limit BEFORE INSERT ON clearing.recon_decision
    FOR EACH ROW EXECUTE FUNCTION clearing.guard_limit();
ALTER TABLE clearing.recon_decision ENABLE ALWAYS TRIGGER within_own_limit;
"""

PROTECTION = """
DO $$ BEGIN
    IF to_regrole('clearing_owner') IS NOT NULL
        AND pg_has_role(current_user, 'clearing_owner', 'USAGE') THEN
        ALTER TABLE clearing.recon_match_step OWNER TO clearing_owner;
        ALTER VIEW clearing.recon_match_in_force OWNER TO clearing_owner;
    END IF;
    IF to_regrole('clearing_appender') IS NOT NULL AND to_regrole('clearing_owner') IS NOT NULL
        AND pg_has_role(current_user, 'clearing_owner', 'USAGE') THEN
        GRANT SELECT ON clearing.recon_match_step, clearing.recon_match_in_force
            TO clearing_appender, clearing_projector, clearing_reader;
        GRANT INSERT ON clearing.recon_match_step TO clearing_appender;
        ALTER FUNCTION clearing.guard_limit() OWNER TO clearing_owner;
    END IF;
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON clearing.recon_match_step
    FOR EACH STATEMENT EXECUTE FUNCTION clearing.refuse_change();
ALTER TABLE clearing.recon_match_step ENABLE ALWAYS TRIGGER append_only;
"""


def upgrade() -> None:
    driver = op.get_bind().connection.driver_connection
    if driver is None:
        raise RuntimeError("the migration's connection is closed")
    driver.execute(TABLE)
    driver.execute(LIMITS)
    driver.execute(PROTECTION)


def downgrade() -> None:
    raise RuntimeError("a log is not taken back; restore a backup made before the upgrade")
