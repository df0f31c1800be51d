"""Recent unreadable rows of KIS's lists in one process, until a duty of the host takes them."""

from collections.abc import Iterable

from domain.market import Symbol
from domain.unreadable import AccountList, Readings, UnreadableRow


class ReadingLog:
    """Records unreadable rows, and which lists were read whole: these also show which rows are readable again."""

    def __init__(self) -> None:
        self._rows: dict[tuple[AccountList, Symbol | None, str], UnreadableRow] = {}
        self._whole: set[AccountList] = set()

    def note(self, rows: Iterable[UnreadableRow], *whole: AccountList) -> None:
        """Record the unreadable rows of one read, and the lists that it read whole."""
        for key in [key for key in self._rows if key[0] in whole]:
            del self._rows[key]
        self._whole |= set(whole)
        self._rows |= {(row.of, row.symbol, row.field): row for row in rows}

    def take(self) -> Readings:
        """Return and clear the records since the last call."""
        taken = Readings(tuple(self._rows.values()), frozenset(self._whole))
        self._rows, self._whole = {}, set()
        return taken
