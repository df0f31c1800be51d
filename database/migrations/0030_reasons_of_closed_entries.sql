-- Entries can be closed for several reasons at once. Lifting one reason leaves the others in force.

ALTER TABLE closed_entries ADD COLUMN cause text;
UPDATE closed_entries SET cause = reason;
ALTER TABLE closed_entries
    ALTER COLUMN cause SET NOT NULL,
    ADD CHECK (cause <> ''),
    DROP CONSTRAINT closed_entries_pkey,
    ADD PRIMARY KEY (account_id, session_date, cause);
COMMENT ON TABLE closed_entries IS 'Why nothing more is bought in a session, one row a cause';
COMMENT ON COLUMN closed_entries.cause IS 'Identifier under which the reason is lifted; the reason itself where it needs no other';
