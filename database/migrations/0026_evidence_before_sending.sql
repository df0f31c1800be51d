-- Orders that the broker listed before an intent was written cannot be that intent's, whatever any clock says.
CREATE TABLE listed_orders (
    account_id text NOT NULL REFERENCES accounts,
    order_date date NOT NULL,
    branch text NOT NULL,
    order_no text NOT NULL CHECK (order_no <> ''),
    last_sequence bigint NOT NULL,
    PRIMARY KEY (account_id, order_date, branch, order_no)
);
COMMENT ON TABLE listed_orders IS 'Orders of the broker that belonged to no intent when a list first showed them';
COMMENT ON COLUMN listed_orders.last_sequence IS
    'Highest orders.sequence that was written when the list was read: later intents came after this order';
CREATE INDEX orders_in_sequence ON orders (account_id, sequence);

-- A permit is forgotten when a replica that lags takes over. It has another timeline than the server that gave it.
-- A service that hides these functions gives null: no order fails to be written, and none is withdrawn without a look.
CREATE FUNCTION server_lineage() RETURNS text LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN (SELECT system_identifier FROM pg_control_system())::text || '/'
        || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8);
EXCEPTION WHEN insufficient_privilege OR undefined_function OR feature_not_supported
        OR object_not_in_prerequisite_state THEN
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION server_lineage() IS 'Which history the server writes: its system, and its timeline, which a promotion changes';
ALTER TABLE orders ADD COLUMN written_by text;
ALTER TABLE orders ALTER COLUMN written_by SET DEFAULT server_lineage();
COMMENT ON COLUMN orders.written_by IS 'Lineage of the server that wrote the intent; null for intents of older versions';
