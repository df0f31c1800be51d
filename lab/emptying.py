"""Delete every row of every table, append-only ones too; far faster than new files for some thirty tables."""

from typing import Final

EMPTY_EVERYTHING: Final = """
DO $$
DECLARE name text;
BEGIN
    SET LOCAL session_replication_role = replica;
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename !~ '^_?yoyo' LOOP
        EXECUTE format('DELETE FROM %I', name);
    END LOOP;
END
$$
"""
