-- One access token for the fleet. Whoever asks for a new one holds the row of token_issuers.
CREATE TABLE token_issuers (
    fingerprint text PRIMARY KEY CHECK (fingerprint <> '')
);

CREATE TABLE broker_tokens (
    fingerprint text PRIMARY KEY CHECK (fingerprint <> ''),
    value bytea,
    encrypted boolean NOT NULL DEFAULT false,
    expires_at timestamptz,
    asked_at timestamptz,
    CONSTRAINT value_has_an_end CHECK ((value IS NULL) = (expires_at IS NULL))
);
COMMENT ON COLUMN broker_tokens.fingerprint IS 'Digest of the app key';
COMMENT ON COLUMN broker_tokens.expires_at IS 'Real time at which the broker stops to honour the token';
COMMENT ON COLUMN broker_tokens.asked_at IS 'Real time (database clock) at which a token was last asked for, successful or not';

-- The account's rate budget: a call holds a slot, which becomes free again one second after the response.
-- Unlogged: after a crash of the server an empty table is refilled, with every slot taken for a second.
CREATE UNLOGGED TABLE rate_slots (
    account_id text NOT NULL,
    slot integer NOT NULL CHECK (slot >= 0),
    holder text NOT NULL DEFAULT '',
    free_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, slot)
) WITH (fillfactor = 20);
COMMENT ON COLUMN rate_slots.holder IS 'The grant that took the slot last';
COMMENT ON COLUMN rate_slots.free_at IS 'Real time (database clock) from which the slot may be taken; during a call, its expiry';
