"""Name of an SQL statement in a trace: its act and its table, never a value."""

import re
from functools import lru_cache
from typing import Final

_WRITES: Final = re.compile(r"(INSERT INTO|(?<!FOR )UPDATE|DELETE FROM) ([a-z_]+)")
_READS: Final = re.compile(r"FROM ([a-z_]+)")
_PLAIN: Final = re.compile(r"(BEGIN|COMMIT|ROLLBACK|SELECT|SET|SAVEPOINT|RELEASE)\b")


@lru_cache(maxsize=2_000)  # more than the statements of our modules, which are constants
def statement_name(query: str) -> str:
    """Return a name such as ``SQL insert orders``."""
    words = " ".join(query.split())
    if found := _WRITES.search(words):
        return f"SQL {found[1].split()[0].lower()} {found[2]}"
    if found := _READS.search(words):
        return f"SQL select {found[1]}"
    found = _PLAIN.match(words)
    return f"SQL {found[1].lower()}" if found else "SQL other"
