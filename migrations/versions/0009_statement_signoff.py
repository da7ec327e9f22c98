"""Statements are withdrawn or replaced, doubts about them accepted: by two people, and kept.

Revision ID: 0009
Revises: 0008
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TABLES = """
ALTER TABLE clearing.recon_proposal DROP CONSTRAINT recon_proposal_kind_check;
ALTER TABLE clearing.recon_proposal ADD CONSTRAINT recon_proposal_kind_check CHECK (kind IN (
    'adjustment', 'write_off', 'override', 'tolerance', 'rulebook', 'limit', 'withdrawal',
    'acceptance'));

CREATE TABLE clearing.recon_withdrawal (
    import      bigint PRIMARY KEY REFERENCES clearing.recon_import,
    replaced_by bigint REFERENCES clearing.recon_import CHECK (replaced_by <> import),
    proposal    bigint NOT NULL UNIQUE REFERENCES clearing.recon_proposal
);
COMMENT ON TABLE clearing.recon_withdrawal IS
    'A statement that counts no more, and the one that took its place if there is one.';

CREATE TABLE clearing.recon_acceptance (
    proposal bigint PRIMARY KEY REFERENCES clearing.recon_proposal,
    leg      text NOT NULL,
    venue    text NOT NULL,
    account  text NOT NULL,
    doubt    text NOT NULL
);
CREATE INDEX recon_acceptance_of ON clearing.recon_acceptance (leg, venue, account);
COMMENT ON TABLE clearing.recon_acceptance IS
    'A doubt about statements that was looked into and keeps no reconciliation from being clean.';

CREATE TABLE clearing.recon_revocation (
    acceptance  bigint PRIMARY KEY REFERENCES clearing.recon_acceptance,
    person      text NOT NULL CHECK (person ~ '\\S'),
    reason      text NOT NULL CHECK (reason ~ '\\S'),
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    recorded_as text NOT NULL DEFAULT session_user
);
COMMENT ON TABLE clearing.recon_revocation IS
    'An acceptance that was taken back: the doubt stands again.';

ALTER TABLE clearing.recon_import
    ADD COLUMN again_after bigint REFERENCES clearing.recon_withdrawal,
    ADD COLUMN kinds text[];
COMMENT ON COLUMN clearing.recon_import.again_after IS
    'The withdrawn statement that is the very same file, where it was taken in again.';
COMMENT ON COLUMN clearing.recon_import.kinds IS
    'The kinds of movement that the mapping of a CSV says it states; null: as its format says.';
-- A file is taken in once, and once more for each time that it was withdrawn.
DROP INDEX clearing.recon_import_once;
CREATE UNIQUE INDEX recon_import_once ON clearing.recon_import
    (leg, venue, account, sha256, coalesce(again_after, 0)) WHERE lines > 0;
DROP INDEX clearing.recon_import_empty;
CREATE UNIQUE INDEX recon_import_empty ON clearing.recon_import
    (leg, venue, account, sha256, coalesce(asked_from, 0), coalesce(asked_until, 0),
    coalesce(again_after, 0)) WHERE lines = 0;

-- What a proposal does is written only once it was approved, and as it was proposed.
CREATE OR REPLACE FUNCTION clearing.guard_carrying_out() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog AS $$
DECLARE
    done   jsonb := to_jsonb(NEW);
    number bigint := coalesce(done ->> 'version', done ->> 'proposal')::bigint;
    asked  record;
    fits   boolean;
BEGIN
    SELECT p.* INTO asked FROM clearing.recon_proposal p
        JOIN clearing.recon_decision d ON d.proposal = p.id AND d.approved WHERE p.id = number;
    IF TG_TABLE_NAME = 'recon_history' THEN
        fits := asked.break = NEW.break AND NEW.what = CASE asked.kind WHEN 'adjustment'
            THEN 'adjusted' WHEN 'write_off' THEN 'written_off' WHEN 'override' THEN 'overridden'
            END;
    ELSIF TG_TABLE_NAME = 'recon_limit' THEN
        fits := asked.kind = 'limit' AND NEW.amount = (asked.document::jsonb ->> 'amount')::numeric
            AND asked.document::jsonb - 'amount' = done - '{version,amount}'::text[];
    ELSIF TG_TABLE_NAME = 'recon_withdrawal' THEN
        fits := asked.kind = 'withdrawal' AND asked.document::jsonb @> (done - 'proposal');
    ELSIF TG_TABLE_NAME = 'recon_acceptance' THEN
        fits := asked.kind = 'acceptance' AND asked.document::jsonb @> (done - 'proposal');
    ELSE
        fits := asked.kind = 'tolerance'
            AND NEW.absolute = (asked.document::jsonb ->> 'absolute')::numeric
            AND asked.document::jsonb - 'absolute' = done - '{version,absolute}'::text[];
    END IF;
    IF fits IS NOT TRUE THEN
        RAISE EXCEPTION 'what proposal % says was not approved', number
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER approved BEFORE INSERT ON clearing.recon_withdrawal
    FOR EACH ROW EXECUTE FUNCTION clearing.guard_carrying_out();
ALTER TABLE clearing.recon_withdrawal ENABLE ALWAYS TRIGGER approved;
CREATE TRIGGER approved BEFORE INSERT ON clearing.recon_acceptance
    FOR EACH ROW EXECUTE FUNCTION clearing.guard_carrying_out();
ALTER TABLE clearing.recon_acceptance ENABLE ALWAYS TRIGGER approved;
"""

NAMES = ("recon_withdrawal", "recon_acceptance", "recon_revocation")

PROTECTION = """
DO $$ BEGIN
    IF to_regrole('clearing_owner') IS NOT NULL
        AND pg_has_role(current_user, 'clearing_owner', 'USAGE') THEN
        ALTER TABLE clearing.{name} OWNER TO clearing_owner;
        IF to_regrole('clearing_appender') IS NOT NULL THEN
            GRANT SELECT ON clearing.{name}
                TO clearing_appender, clearing_projector, clearing_reader;
            GRANT INSERT ON clearing.{name} TO clearing_appender;
        END IF;
    END IF;
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON clearing.{name}
    FOR EACH STATEMENT EXECUTE FUNCTION clearing.refuse_change();
ALTER TABLE clearing.{name} ENABLE ALWAYS TRIGGER append_only;
"""


def upgrade() -> None:
    driver = op.get_bind().connection.driver_connection
    if driver is None:
        raise RuntimeError("the migration's connection is closed")
    driver.execute(TABLES)
    for name in NAMES:
        driver.execute(PROTECTION.format(name=name))


def downgrade() -> None:
    raise RuntimeError("a log is not taken back; restore a backup made before the upgrade")
