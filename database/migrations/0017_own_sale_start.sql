
-- When a position that hardly trades is sold before the fleet's others, for those who look.
ALTER TABLE positions
    ADD COLUMN sale_begins_at timestamptz,
    ADD COLUMN sale_begins_because text NOT NULL DEFAULT '',
    ADD CONSTRAINT an_own_start_has_its_reason CHECK ((sale_begins_at IS NULL) = (sale_begins_because = ''));
COMMENT ON COLUMN positions.sale_begins_at IS 'Market time; null while it is sold with the fleet';
