"""Four eyes by database users: a policy that two adopt, and that the database holds.

Revision ID: 0011
Revises: 0010
"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

POLICY = """
ALTER TABLE clearing.recon_proposal DROP CONSTRAINT recon_proposal_kind_check;
ALTER TABLE clearing.recon_proposal ADD CONSTRAINT recon_proposal_kind_check CHECK (kind IN (
    'adjustment', 'write_off', 'override', 'tolerance', 'rulebook', 'limit', 'withdrawal',
    'acceptance', 'policy'));
ALTER TABLE clearing.recon_proposal ADD CONSTRAINT recon_proposal_policy_check CHECK (
    kind <> 'policy' OR document IN ('{"apart":"names"}', '{"apart":"users"}'));

-- As whom and when something was recorded is said by the database, never by who records it: else
-- a proposal could be put down to another user, or a decision to a time before a policy.
CREATE FUNCTION clearing.stamp_record() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog AS $$
BEGIN
    NEW.recorded_as := session_user;
    NEW.recorded_at := clock_timestamp();
    RETURN NEW;
END $$;
CREATE TRIGGER a_stamp BEFORE INSERT ON clearing.recon_proposal
    FOR EACH ROW EXECUTE FUNCTION clearing.stamp_record();
ALTER TABLE clearing.recon_proposal ENABLE ALWAYS TRIGGER a_stamp;
CREATE TRIGGER a_stamp BEFORE INSERT ON clearing.recon_decision
    FOR EACH ROW EXECUTE FUNCTION clearing.stamp_record();
ALTER TABLE clearing.recon_decision ENABLE ALWAYS TRIGGER a_stamp;
CREATE TRIGGER a_stamp BEFORE INSERT ON clearing.recon_history
    FOR EACH ROW EXECUTE FUNCTION clearing.stamp_record();
ALTER TABLE clearing.recon_history ENABLE ALWAYS TRIGGER a_stamp;
CREATE TRIGGER a_stamp BEFORE INSERT ON clearing.recon_revocation
    FOR EACH ROW EXECUTE FUNCTION clearing.stamp_record();
ALTER TABLE clearing.recon_revocation ENABLE ALWAYS TRIGGER a_stamp;

-- In force is the policy that was approved last. There is no table of policies to write it to: an
-- approval from before could otherwise be carried out later, and undo what two users adopted since.
CREATE FUNCTION clearing.guard_users() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog AS $$
DECLARE
    in_force text;
    proposer text;
BEGIN
    SELECT p.document::jsonb ->> 'apart' INTO in_force FROM clearing.recon_proposal p
        JOIN clearing.recon_decision d ON d.proposal = p.id AND d.approved
        WHERE p.kind = 'policy' ORDER BY d.recorded_at DESC, d.proposal DESC LIMIT 1;
    SELECT recorded_as INTO proposer FROM clearing.recon_proposal WHERE id = NEW.proposal;
    IF in_force = 'users' AND proposer = session_user THEN
        RAISE EXCEPTION 'proposal % was made by the database user %, who cannot decide on it'
            ' under any name', NEW.proposal, proposer
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER users_apart BEFORE INSERT ON clearing.recon_decision
    FOR EACH ROW EXECUTE FUNCTION clearing.guard_users();
ALTER TABLE clearing.recon_decision ENABLE ALWAYS TRIGGER users_apart;

DO $$ BEGIN
    IF to_regrole('clearing_owner') IS NOT NULL
        AND pg_has_role(current_user, 'clearing_owner', 'USAGE') THEN
        ALTER FUNCTION clearing.stamp_record() OWNER TO clearing_owner;
        ALTER FUNCTION clearing.guard_users() OWNER TO clearing_owner;
    END IF;
END $$;
"""


def upgrade() -> None:
    driver = op.get_bind().connection.driver_connection
    if driver is None:
        raise RuntimeError("the migration's connection is closed")
    driver.execute(POLICY)


def downgrade() -> None:
    raise RuntimeError("a log is not taken back; restore a backup made before the upgrade")
