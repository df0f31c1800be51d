-- What each hosting process allows at most, as its settings said when it started; every buy refers to the limits under
-- which it was sent or denied.
CREATE TABLE host_limits (
    number bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    account_id text NOT NULL,
    host_id text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    live_consent boolean NOT NULL,
    rules jsonb NOT NULL CHECK (jsonb_typeof(rules) = 'object'),
    FOREIGN KEY (account_id, host_id) REFERENCES hosts
);
COMMENT ON TABLE host_limits IS 'The limits of hosting processes; append-only by trigger';
COMMENT ON COLUMN host_limits.recorded_at IS 'Real time (database clock); they hold for what the host sends from here on';
COMMENT ON COLUMN host_limits.live_consent IS 'Whether the host''s settings confirm trading with real money';
COMMENT ON COLUMN host_limits.rules IS 'Each rule by its dotted name, in the words of the settings';
CREATE INDEX limits_of_a_host ON host_limits (account_id, host_id, number);

CREATE FUNCTION refuse_change_of_host_limits() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'host_limits are append-only'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'host_limits_are_append_only';
END
$$;
CREATE TRIGGER host_limits_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON host_limits
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_host_limits();

ALTER TABLE orders ADD COLUMN host_limits bigint REFERENCES host_limits;
COMMENT ON COLUMN orders.host_limits IS
    'The limits of the host that sent or denied the buy, before that of the host that decided it; null for sales, and for orders of earlier versions';
