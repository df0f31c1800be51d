-- KIS blocks a key whose sessions are opened again and again without a pause; all processes of the fleet count together.

ALTER TABLE stream_leases ADD COLUMN opened_at timestamptz[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN stream_leases.opened_at IS
    'Real times (database clock) at which sessions of the last minute were opened, by whichever process';
