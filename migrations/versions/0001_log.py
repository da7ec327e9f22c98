"""The log: events, identities, head, receipts, quarantine; triggers and roles.

Revision ID: 0001
Revises:
"""

from collections.abc import Iterable

from alembic import op
from sqlalchemy.engine import Connection

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = """
CREATE SCHEMA clearing;

CREATE TABLE clearing.log (
    position    bigint   NOT NULL,
    kind        smallint NOT NULL,
    version     smallint NOT NULL,
    flags       smallint NOT NULL,
    source      integer  NOT NULL,
    account     integer  NOT NULL,
    contra      integer  NOT NULL,
    market      integer  NOT NULL,
    asset       integer  NOT NULL,
    occurred_at bigint   NOT NULL,
    quantity    bigint   NOT NULL,
    price       bigint   NOT NULL,
    amount      bigint   NOT NULL,
    fee         bigint   NOT NULL,
    external_id text COLLATE "C" NOT NULL,
    trade_id    text COLLATE "C" NOT NULL,
    detail      text COLLATE "C" NOT NULL,
    leaf        bytea    NOT NULL,
    PRIMARY KEY (position)
) PARTITION BY RANGE (position);

-- Declarations and rulebooks: what every reader needs first, out of however many events.
CREATE INDEX log_declarations ON clearing.log (position) WHERE kind <= 5;
CREATE INDEX log_occurred ON clearing.log USING brin (occurred_at) WITH (pages_per_range = 32);

COMMENT ON TABLE clearing.log IS
    'Every event, in the order of commit. Columns are explained in docs/events.md.';

CREATE TABLE clearing.log_identity (
    source      integer NOT NULL,
    external_id text COLLATE "C" NOT NULL,
    position    bigint  NOT NULL,
    PRIMARY KEY (source, external_id)
);

COMMENT ON TABLE clearing.log_identity IS
    'Which position holds the event of a source and its external id; unique over all time.';

CREATE TABLE clearing.log_head (
    one              boolean PRIMARY KEY DEFAULT true CHECK (one),
    position         bigint  NOT NULL,
    root             bytea   NOT NULL,
    frontier         bytea   NOT NULL,
    batch            bigint  NOT NULL,
    receipt_root     bytea   NOT NULL,
    receipt_frontier bytea   NOT NULL,
    recorded_at      bigint  NOT NULL,
    sources          integer NOT NULL,
    assets           integer NOT NULL,
    markets          integer NOT NULL,
    accounts         integer NOT NULL,
    partition_size   bigint  NOT NULL DEFAULT 1000000 CHECK (partition_size > 0)
);

COMMENT ON TABLE clearing.log_head IS
    'One row: how far the log is, its Merkle root, and what is declared. Locked by each append.';

INSERT INTO clearing.log_head
    (position, root, frontier, batch, receipt_root, receipt_frontier, recorded_at,
     sources, assets, markets, accounts)
VALUES (0, sha256(''), '', 0, sha256(''), '', 0, 0, 0, 0, 0);

CREATE TABLE clearing.log_receipt (
    batch           bigint PRIMARY KEY,
    first_position  bigint NOT NULL,
    last_position   bigint NOT NULL,
    duplicate_count bigint NOT NULL,
    tree_size       bigint NOT NULL,
    root            bytea  NOT NULL,
    recorded_at     bigint NOT NULL,
    coverage        text COLLATE "C" NOT NULL,
    leaf            bytea  NOT NULL
);

CREATE INDEX log_receipt_recorded ON clearing.log_receipt (recorded_at, batch);

COMMENT ON TABLE clearing.log_receipt IS
    'One row per appended batch: its positions, the tree after it, and when it was recorded.';

CREATE TABLE clearing.quarantine (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    file        text NOT NULL,
    line        bigint NOT NULL,
    field       text NOT NULL,
    value       text NOT NULL,
    reason      text NOT NULL,
    content     text NOT NULL,
    fingerprint bytea NOT NULL UNIQUE
);

COMMENT ON TABLE clearing.quarantine IS
    'Input that could not become an event, with file, line, field and reason.';
"""

PROTECTIONS = """
CREATE FUNCTION clearing.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on %.% is refused: the log is append-only',
        TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation',
              HINT = 'Append a correcting event instead.';
END $$;

CREATE FUNCTION clearing.guard_head() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.position < OLD.position OR NEW.batch < OLD.batch
        OR NEW.recorded_at < OLD.recorded_at
        OR (NEW.partition_size <> OLD.partition_size AND OLD.position > 0) THEN
        RAISE EXCEPTION 'the head of the log only moves forward'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON clearing.log
    FOR EACH STATEMENT EXECUTE FUNCTION clearing.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON clearing.log_identity
    FOR EACH STATEMENT EXECUTE FUNCTION clearing.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON clearing.log_receipt
    FOR EACH STATEMENT EXECUTE FUNCTION clearing.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON clearing.quarantine
    FOR EACH STATEMENT EXECUTE FUNCTION clearing.refuse_change();
CREATE TRIGGER append_only BEFORE INSERT OR DELETE OR TRUNCATE ON clearing.log_head
    FOR EACH STATEMENT EXECUTE FUNCTION clearing.refuse_change();
CREATE TRIGGER forward_only BEFORE UPDATE ON clearing.log_head
    FOR EACH ROW EXECUTE FUNCTION clearing.guard_head();

ALTER TABLE clearing.log ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE clearing.log_identity ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE clearing.log_receipt ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE clearing.quarantine ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE clearing.log_head ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE clearing.log_head ENABLE ALWAYS TRIGGER forward_only;

-- The only way a partition comes into being. Attaching, unlike creating in place, does not lock
-- readers out; the partition has triggers of its own because statement triggers of the parent do
-- not fire for statements that name a partition.
CREATE FUNCTION clearing.ensure_partition(wanted bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    size   bigint;
    number bigint;
    name   text;
BEGIN
    SELECT partition_size INTO size FROM clearing.log_head;
    number := (wanted - 1) / size;
    name := format('log_%s', lpad(number::text, 6, '0'));
    IF to_regclass(format('clearing.%I', name)) IS NOT NULL THEN
        RETURN;
    END IF;
    EXECUTE format('CREATE TABLE clearing.%I (LIKE clearing.log INCLUDING ALL)', name);
    EXECUTE format(
        'CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON clearing.%I '
        'FOR EACH STATEMENT EXECUTE FUNCTION clearing.refuse_change()', name);
    EXECUTE format('ALTER TABLE clearing.%I ENABLE ALWAYS TRIGGER append_only', name);
    EXECUTE format(
        'ALTER TABLE clearing.log ATTACH PARTITION clearing.%I FOR VALUES FROM (%s) TO (%s)',
        name, number * size + 1, (number + 1) * size + 1);
END $$;

REVOKE ALL ON FUNCTION clearing.ensure_partition(bigint) FROM PUBLIC;
"""

# Roles belong to the whole cluster and may exist already, or be beyond what this user may create;
# without them the ledger works, and `clearing status` says that role separation is absent.
ROLES = """
DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY[
        'clearing_owner', 'clearing_appender', 'clearing_projector', 'clearing_reader'
    ] LOOP
        BEGIN
            IF to_regrole(wanted) IS NULL THEN
                EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
                -- A creator that is no superuser may administer the role, but not yet take it on.
                EXECUTE format('GRANT %I TO CURRENT_USER', wanted);
            END IF;
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN
                RAISE NOTICE 'role % was created meanwhile', wanted;
            WHEN insufficient_privilege THEN
                RAISE NOTICE 'role % cannot be created by this user', wanted;
        END;
    END LOOP;
END $$;

DO $$
DECLARE
    item record;
BEGIN
    IF to_regrole('clearing_owner') IS NULL OR to_regrole('clearing_appender') IS NULL
        OR to_regrole('clearing_projector') IS NULL OR to_regrole('clearing_reader') IS NULL
        OR NOT pg_has_role(current_user, 'clearing_owner', 'USAGE') THEN
        RAISE NOTICE 'roles are not separated';
        RETURN;
    END IF;
    EXECUTE format('GRANT CREATE ON DATABASE %I TO clearing_owner', current_database());
    ALTER SCHEMA clearing OWNER TO clearing_owner;
    FOR item IN
        SELECT c.oid::regclass AS relation FROM pg_class c
        WHERE c.relnamespace = 'clearing'::regnamespace AND c.relkind IN ('r', 'p')
    LOOP
        EXECUTE format('ALTER TABLE %s OWNER TO clearing_owner', item.relation);
    END LOOP;
    ALTER FUNCTION clearing.refuse_change() OWNER TO clearing_owner;
    ALTER FUNCTION clearing.guard_head() OWNER TO clearing_owner;
    ALTER FUNCTION clearing.ensure_partition(bigint) OWNER TO clearing_owner;
    GRANT USAGE ON SCHEMA clearing TO clearing_appender, clearing_projector, clearing_reader;
    GRANT SELECT ON clearing.log, clearing.log_identity, clearing.log_head, clearing.log_receipt,
        clearing.quarantine TO clearing_appender, clearing_projector, clearing_reader;
    GRANT INSERT ON clearing.log, clearing.log_identity, clearing.log_receipt, clearing.quarantine
        TO clearing_appender;
    GRANT UPDATE ON clearing.log_head TO clearing_appender;
    GRANT EXECUTE ON FUNCTION clearing.ensure_partition(bigint) TO clearing_appender;
END $$;
"""


def run_scripts(connection: Connection, scripts: Iterable[str]) -> None:
    """Hand scripts straight to the driver: they hold several statements and percent signs."""
    driver = connection.connection.driver_connection
    if driver is None:
        raise RuntimeError("the migration's connection is closed")
    for script in scripts:
        driver.execute(script)


def upgrade() -> None:
    run_scripts(op.get_bind(), (TABLES, PROTECTIONS, ROLES))


def downgrade() -> None:
    raise RuntimeError("a log is not taken back; restore a backup made before the upgrade")
