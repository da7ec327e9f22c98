"""Reconciliation: statements taken in, matches, breaks and their history, tolerances, sign-off.

Revision ID: 0007
Revises: 0006
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE clearing.recon_import (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    leg               text NOT NULL CHECK (leg IN ('venue', 'chain', 'bank')),
    venue             text NOT NULL,
    account           text NOT NULL,
    statement_account text NOT NULL,
    format            text NOT NULL,
    balances          text NOT NULL,
    file              text NOT NULL,
    sha256            bytea NOT NULL,
    asked_from        bigint,
    asked_until       bigint,
    first_at          bigint,
    last_at           bigint,
    first_id          text NOT NULL,
    last_id           text NOT NULL,
    lines             bigint NOT NULL,
    refused           bigint NOT NULL,
    line_order        text NOT NULL,
    misplaced         bigint[] NOT NULL,
    saturated         boolean NOT NULL,
    cut               boolean NOT NULL,
    recorded_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    recorded_by       text NOT NULL
);
-- A file is taken in once; empty files are alike, so one of each time that was asked for.
CREATE UNIQUE INDEX recon_import_once ON clearing.recon_import (leg, venue, account, sha256)
    WHERE lines > 0;
CREATE UNIQUE INDEX recon_import_empty ON clearing.recon_import
    (leg, venue, account, sha256, coalesce(asked_from, 0), coalesce(asked_until, 0))
    WHERE lines = 0;
COMMENT ON TABLE clearing.recon_import IS
    'A statement that was taken in: whose, of which account, what it covers, what was seen of it.';

-- Lines come by the million and go in with their import in one transaction: no foreign keys, whose
-- checks would be row by row.
CREATE TABLE clearing.recon_line (
    import    bigint NOT NULL,
    line      bigint NOT NULL,
    at        bigint NOT NULL,
    native_id text NOT NULL,
    account   text NOT NULL,
    market    text NOT NULL,
    nth       integer NOT NULL,
    key       bytea NOT NULL,
    told      text NOT NULL,
    PRIMARY KEY (import, line)
);
COMMENT ON TABLE clearing.recon_line IS
    'A line of a statement as told. key: what it says, so that overlapping statements count once;'
    ' nth: which of several in one statement that say the same.';

CREATE TABLE clearing.recon_cash (
    import  bigint NOT NULL,
    line    bigint NOT NULL,
    leg     smallint NOT NULL,
    asset   text NOT NULL,
    kind    text NOT NULL,
    amount  numeric NOT NULL,
    balance numeric,
    PRIMARY KEY (import, line, leg)
);
COMMENT ON TABLE clearing.recon_cash IS
    'What a line did to a balance (positive: raised it), and the balance that it states.';

CREATE TABLE clearing.recon_fill (
    import    bigint NOT NULL,
    line      bigint NOT NULL,
    market    text NOT NULL,
    size      numeric NOT NULL,
    price     numeric,
    trade_id  text NOT NULL,
    order_id  text NOT NULL,
    before    numeric,
    after     numeric,
    pnl       numeric,
    fee       numeric,
    fee_asset text NOT NULL,
    PRIMARY KEY (import, line)
);
COMMENT ON TABLE clearing.recon_fill IS
    'What a line did to a position (positive size: bought), and what it states around it.';

CREATE TABLE clearing.recon_balance (
    import   bigint NOT NULL,
    number   bigint NOT NULL,
    line     bigint NOT NULL,
    at       bigint NOT NULL,
    account  text NOT NULL,
    what     text NOT NULL,
    amount   numeric NOT NULL,
    position boolean NOT NULL,
    before   boolean NOT NULL,
    PRIMARY KEY (import, number)
);
COMMENT ON TABLE clearing.recon_balance IS
    'A balance or position that a statement states by itself.';

CREATE TABLE clearing.recon_run (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    leg          text NOT NULL,
    venue        text NOT NULL,
    account      text NOT NULL,
    from_at      bigint NOT NULL,
    until_at     bigint NOT NULL,
    log_position bigint NOT NULL,
    inputs       bytea NOT NULL,
    summary      text NOT NULL,
    recorded_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    recorded_by  text NOT NULL
);
CREATE INDEX recon_run_inputs ON clearing.recon_run (inputs);
CREATE INDEX recon_run_of ON clearing.recon_run (leg, venue, account, id);
COMMENT ON TABLE clearing.recon_run IS
    'A reconciliation: what it compared (inputs: the digest of it all) and what it found in all.';

CREATE TABLE clearing.recon_match (
    key       bytea PRIMARY KEY,
    run       bigint NOT NULL REFERENCES clearing.recon_run,
    rule      text NOT NULL,
    side      text NOT NULL,
    what      text NOT NULL,
    ours      text NOT NULL,
    theirs    text NOT NULL,
    tolerance bigint NOT NULL,
    residual  numeric NOT NULL
);
COMMENT ON TABLE clearing.recon_match IS
    'What was found to belong together, by which rule, when first.';

CREATE TABLE clearing.recon_break (
    id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key    bytea NOT NULL UNIQUE,
    leg    text NOT NULL,
    venue  text NOT NULL,
    account text NOT NULL,
    type   text NOT NULL CHECK (type IN ('missing_here', 'missing_there', 'amount', 'quantity',
        'price', 'fee', 'funding', 'timing', 'duplicate', 'sign', 'rounding', 'static_data',
        'rule_deviation', 'unexplained_balance')),
    side   text NOT NULL,
    what   text NOT NULL,
    at     bigint NOT NULL,
    field  text NOT NULL,
    ours   text NOT NULL,
    theirs text NOT NULL
);
COMMENT ON TABLE clearing.recon_break IS
    'A difference between our books and a statement. What becomes of it is in its history.';

CREATE TABLE clearing.recon_history (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    break       bigint NOT NULL REFERENCES clearing.recon_break,
    what        text NOT NULL CHECK (what IN ('opened', 'changed', 'closed', 'reopened', 'owner',
        'cause', 'comment', 'adjusted', 'written_off', 'overridden')),
    amount      numeric,
    here        text NOT NULL DEFAULT '',
    there       text NOT NULL DEFAULT '',
    words       text NOT NULL,
    run         bigint REFERENCES clearing.recon_run,
    proposal    bigint,
    person      text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    recorded_as text NOT NULL DEFAULT session_user
);
CREATE INDEX recon_history_break ON clearing.recon_history (break, id);
COMMENT ON TABLE clearing.recon_history IS
    'What became of a break: each step, who took it, when.';

CREATE TABLE clearing.recon_proposal (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind        text NOT NULL CHECK (kind IN ('adjustment', 'write_off', 'override', 'tolerance',
        'rulebook', 'limit')),
    break       bigint REFERENCES clearing.recon_break,
    asset       text NOT NULL,
    amount      numeric NOT NULL CHECK (amount >= 0),
    document    text NOT NULL,
    author      text NOT NULL CHECK (author ~ '\\S'),
    reason      text NOT NULL CHECK (reason ~ '\\S'),
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    recorded_as text NOT NULL DEFAULT session_user
);
COMMENT ON TABLE clearing.recon_proposal IS
    'What somebody wants done and somebody else has to approve.';

CREATE TABLE clearing.recon_decision (
    proposal    bigint PRIMARY KEY REFERENCES clearing.recon_proposal,
    approved    boolean NOT NULL,
    approver    text NOT NULL CHECK (approver ~ '\\S'),
    reason      text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    recorded_as text NOT NULL DEFAULT session_user
);
COMMENT ON TABLE clearing.recon_decision IS
    'Who approved or declined a proposal: once, never its author, within their limit.';

CREATE TABLE clearing.recon_tolerance (
    version          bigint PRIMARY KEY REFERENCES clearing.recon_proposal,
    venue            text NOT NULL,
    what             text NOT NULL,
    field            text NOT NULL CHECK (field IN
        ('amount', 'fee', 'funding', 'price', 'quantity', 'time')),
    absolute         numeric NOT NULL CHECK (absolute >= 0),
    millionths       bigint NOT NULL CHECK (millionths >= 0),
    residual_account text NOT NULL
);
COMMENT ON TABLE clearing.recon_tolerance IS
    'By how much the two sides may differ and still agree; the version is the proposal''s number.';

CREATE TABLE clearing.recon_limit (
    version bigint PRIMARY KEY REFERENCES clearing.recon_proposal,
    person  text NOT NULL,
    kind    text NOT NULL,
    asset   text NOT NULL,
    amount  numeric NOT NULL CHECK (amount >= 0)
);
COMMENT ON TABLE clearing.recon_limit IS
    'Up to which amount a person may approve proposals of a kind in an asset (* stands for any).';

CREATE TABLE clearing.recon_close (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    plan        text NOT NULL,
    day         text NOT NULL,
    step        text NOT NULL,
    inputs      text NOT NULL,
    good        boolean NOT NULL,
    words       text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    recorded_by text NOT NULL
);
CREATE INDEX recon_close_day ON clearing.recon_close (plan, day, id);
COMMENT ON TABLE clearing.recon_close IS
    'A step of a day''s close that was done, the digest of what went in, and what it found.';

-- The database itself lets nobody approve their own proposal or limit, nor one beyond their limit.
-- Names that differ in case or blanks alone are of one person.
CREATE FUNCTION clearing.guard_decision() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog AS $$
DECLARE
    asked   record;
    allowed numeric;
    who     text := lower(regexp_replace(NEW.approver, '\\s', '', 'g'));
BEGIN
    SELECT * INTO asked FROM clearing.recon_proposal WHERE id = NEW.proposal;
    IF lower(regexp_replace(asked.author, '\\s', '', 'g')) = who THEN
        RAISE EXCEPTION 'proposal % is by %, who cannot decide on it', NEW.proposal, asked.author
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.approved AND asked.kind = 'limit' AND who =
            lower(regexp_replace(asked.document::jsonb ->> 'person', '\\s', '', 'g')) THEN
        RAISE EXCEPTION 'proposal % is of %''s limit, who cannot approve it', NEW.proposal,
            asked.document::jsonb ->> 'person' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.approved AND EXISTS (SELECT FROM clearing.recon_limit
            WHERE kind IN (asked.kind, '*') AND (asset IN (asked.asset, '*')
                -- What is of several assets at once, or of no one, is held against any limit.
                OR asked.asset = '*' OR asked.asset = '' AND asked.break IS NOT NULL)) THEN
        SELECT amount INTO allowed FROM clearing.recon_limit
            WHERE person = NEW.approver AND kind IN (asked.kind, '*')
                AND asset IN (asked.asset, '*')
            ORDER BY (kind = asked.kind)::int + (asset = asked.asset)::int DESC, version DESC
            LIMIT 1;
        IF allowed IS NULL OR allowed < asked.amount THEN
            RAISE EXCEPTION 'proposal % is over % %, and % may approve up to %', NEW.proposal,
                asked.amount, asked.asset, NEW.approver, coalesce(allowed, 0)
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER four_eyes BEFORE INSERT ON clearing.recon_decision
    FOR EACH ROW EXECUTE FUNCTION clearing.guard_decision();
ALTER TABLE clearing.recon_decision ENABLE ALWAYS TRIGGER four_eyes;

-- What a proposal does is written only once it was approved, and as it was proposed.
CREATE FUNCTION clearing.guard_carrying_out() RETURNS trigger LANGUAGE plpgsql
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
CREATE TRIGGER approved BEFORE INSERT ON clearing.recon_tolerance
    FOR EACH ROW EXECUTE FUNCTION clearing.guard_carrying_out();
ALTER TABLE clearing.recon_tolerance ENABLE ALWAYS TRIGGER approved;
CREATE TRIGGER approved BEFORE INSERT ON clearing.recon_limit
    FOR EACH ROW EXECUTE FUNCTION clearing.guard_carrying_out();
ALTER TABLE clearing.recon_limit ENABLE ALWAYS TRIGGER approved;
CREATE TRIGGER approved BEFORE INSERT ON clearing.recon_history
    FOR EACH ROW WHEN (NEW.what IN ('adjusted', 'written_off', 'overridden'))
    EXECUTE FUNCTION clearing.guard_carrying_out();
ALTER TABLE clearing.recon_history ENABLE ALWAYS TRIGGER approved;
"""

NAMES = (
    "recon_import",
    "recon_line",
    "recon_cash",
    "recon_fill",
    "recon_balance",
    "recon_run",
    "recon_match",
    "recon_break",
    "recon_history",
    "recon_proposal",
    "recon_decision",
    "recon_tolerance",
    "recon_limit",
    "recon_close",
)

PROTECTION = """
DO $$ BEGIN
    IF to_regrole('clearing_owner') IS NOT NULL
        AND pg_has_role(current_user, 'clearing_owner', 'USAGE') THEN
        ALTER TABLE clearing.{name} OWNER TO clearing_owner;
    END IF;
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON clearing.{name}
    FOR EACH STATEMENT EXECUTE FUNCTION clearing.refuse_change();
ALTER TABLE clearing.{name} ENABLE ALWAYS TRIGGER append_only;
"""

GRANTS = """
DO $$
BEGIN
    IF to_regrole('clearing_appender') IS NOT NULL AND to_regrole('clearing_owner') IS NOT NULL
        AND pg_has_role(current_user, 'clearing_owner', 'USAGE') THEN
        ALTER FUNCTION clearing.guard_decision() OWNER TO clearing_owner;
        ALTER FUNCTION clearing.guard_carrying_out() OWNER TO clearing_owner;
        GRANT SELECT ON {names} TO clearing_appender, clearing_projector, clearing_reader;
        GRANT INSERT ON {names} TO clearing_appender;
    END IF;
END $$;
"""


def upgrade() -> None:
    driver = op.get_bind().connection.driver_connection
    if driver is None:
        raise RuntimeError("the migration's connection is closed")
    driver.execute(TABLES)
    for name in NAMES:
        driver.execute(PROTECTION.format(name=name))
    driver.execute(GRANTS.format(names=", ".join(f"clearing.{name}" for name in NAMES)))


def downgrade() -> None:
    raise RuntimeError("a log is not taken back; restore a backup made before the upgrade")
