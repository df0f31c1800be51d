"""What one process has lately failed to read in KIS's lists, until a duty of the host takes it."""

from collections.abc import Iterable

from domain.market import Symbol
from domain.unreadable import AccountList, Readings, UnreadableRow


class ReadingLog:
    """Notes unreadable rows, and which lists were read whole: those say too which rows can be read again."""

    def __init__(self) -> None:
        self._rows: dict[tuple[AccountList, Symbol | None, str], UnreadableRow] = {}
        self._whole: set[AccountList] = set()

    def note(self, rows: Iterable[UnreadableRow], *whole: AccountList) -> None:
        """Note what one read could not read, of lists that it has read whole."""
        for key in [key for key in self._rows if key[0] in whole]:
            del self._rows[key]
        self._whole |= set(whole)
        self._rows |= {(row.of, row.symbol, row.field): row for row in rows}

    def take(self) -> Readings:
        """Return what was noted since the last time."""
        taken = Readings(tuple(self._rows.values()), frozenset(self._whole))
        self._rows, self._whole = {}, set()
        return taken
