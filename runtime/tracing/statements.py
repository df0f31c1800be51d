"""Name of an SQL statement in a trace: its act and its table, never a value."""

import re
from functools import lru_cache
from typing import Final

_WRITES: Final = re.compile(r"(INSERT INTO|(?<!FOR )UPDATE|DELETE FROM) ([a-z_]+)")
_READS: Final = re.compile(r"FROM ([a-z_]+)")
_PLAIN: Final = re.compile(r"(BEGIN|COMMIT|ROLLBACK|SELECT|SET|SAVEPOINT|RELEASE)\b")


@lru_cache(maxsize=2_000)  # more than the statements of our modules, which are constants
def statement_name(query: str) -> str:
    """Return a name such as ``SQL insert orders``: the last write, for which those of a WITH before it are made."""
    words = " ".join(query.split())
    if writes := _WRITES.findall(words):
        act, table = writes[-1]
        return f"SQL {act.split()[0].lower()} {table}"
    if found := _READS.search(words):
        return f"SQL select {found[1]}"
    found = _PLAIN.match(words)
    return f"SQL {found[1].lower()}" if found else "SQL other"
