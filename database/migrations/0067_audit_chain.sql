-- The audit log: each operator's command is an event, and a row here chains it to the command before it.
CREATE TABLE audit_chain (
    account_id text NOT NULL REFERENCES accounts,
    sequence bigint NOT NULL CHECK (sequence > 0),
    event_id bigint NOT NULL UNIQUE REFERENCES events,
    digest text NOT NULL CHECK (digest ~ '^[0-9a-f]{64}$'),
    key_id text NOT NULL DEFAULT '',
    seal text NOT NULL DEFAULT '',
    PRIMARY KEY (account_id, sequence),
    CONSTRAINT sealed_by_a_key CHECK ((key_id = '') = (seal = ''))
);
COMMENT ON TABLE audit_chain IS 'One row a command, chained; append-only by trigger';
COMMENT ON COLUMN audit_chain.digest IS 'SHA-256 of the digest before it and of the event as canonical JSON';
COMMENT ON COLUMN audit_chain.key_id IS 'Names the key of the seal; the key itself is never stored';
COMMENT ON COLUMN audit_chain.seal IS 'HMAC of the digest; empty where no key is shared by all machines';
CREATE INDEX commands ON events (account_id, event_id) WHERE kind = 'operator_command';

CREATE FUNCTION refuse_change_of_audit_chain() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'check_violation', CONSTRAINT = 'audit_chain_is_append_only';
END
$$;
CREATE TRIGGER audit_chain_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_chain
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_audit_chain();
