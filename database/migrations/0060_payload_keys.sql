-- Which hosts know which keys of what crosses Temporal. A host with other keys would refuse the fleet's workflows, so
-- that it is refused itself.
CREATE TABLE payload_keys (
    account_id text NOT NULL REFERENCES accounts,
    key_id text NOT NULL CHECK (key_id <> ''),
    host text NOT NULL CHECK (host <> ''),
    encrypts boolean NOT NULL,
    seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    is_live boolean NOT NULL DEFAULT true,
    PRIMARY KEY (account_id, key_id, host)
) WITH (fillfactor = 70);
COMMENT ON COLUMN payload_keys.key_id IS 'Part of a hash of the key; equal ids mean equal keys';
COMMENT ON COLUMN payload_keys.encrypts IS 'Whether the host encrypts with it; every other key of a host only decrypts';
COMMENT ON COLUMN payload_keys.seen_at IS 'Real time (database clock) at which the host last said so';
COMMENT ON COLUMN payload_keys.is_live IS 'Whether the host has not ended as it was meant to';
