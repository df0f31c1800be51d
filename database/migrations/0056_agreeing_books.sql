-- Books that disagreed may agree again. Two comparisons in a row that do so lift what the difference has shut.

ALTER TABLE closed_entries
    ADD COLUMN agreements smallint NOT NULL DEFAULT 0 CHECK (agreements >= 0),
    ADD COLUMN checked_at timestamptz NOT NULL DEFAULT clock_timestamp();
COMMENT ON COLUMN closed_entries.agreements IS 'Comparisons in a row in which the stock of a difference agreed';
COMMENT ON COLUMN closed_entries.checked_at IS
    'Real time (database clock) of the last comparison that counted; one that began earlier counts no more';
