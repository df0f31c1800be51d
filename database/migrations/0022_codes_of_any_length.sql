-- Whatever an account may hold can be written down: ETNs (Q and six digits), bonds, foreign codes.
ALTER TABLE symbol_cool_downs
    DROP CONSTRAINT symbol_cool_downs_symbol_check,
    ADD CONSTRAINT symbol_cool_downs_symbol_check CHECK (symbol ~ '^[0-9A-Z][0-9A-Z./-]{0,11}$');
ALTER TABLE position_snapshots
    DROP CONSTRAINT position_snapshots_symbol_check,
    ADD CONSTRAINT position_snapshots_symbol_check CHECK (symbol ~ '^[0-9A-Z][0-9A-Z./-]{0,11}$');
ALTER TABLE statement_lines
    DROP CONSTRAINT statement_lines_symbol_check,
    ADD CONSTRAINT statement_lines_symbol_check CHECK (symbol ~ '^([0-9A-Z][0-9A-Z./-]{0,11})?$');
