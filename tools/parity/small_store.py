"""Some stocks of one session in a store of their own: the simulator reads all that it is given."""

import shutil
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from domain.clock import in_seoul
from domain.market import Symbol
from domain.session import Session
from fleet.errors import OperationError
from history.store import BarStore

_BEFORE: Final = timedelta(days=120)


def some_of(
    bars: Path, folder: Path, session: Session, symbols: Sequence[Symbol] | None, most: int
) -> tuple[Symbol, ...]:
    """Copy the minutes within a session's hours and the daily bars before it, and return the stocks.

    Raises:
        OperationError: the store has none of them.
        HistoryError: the store cannot be read.
    """
    store, day = BarStore(bars), session.date
    found = store.day(day, symbols)
    taken = tuple(sorted(found.stocks))[: None if symbols else most]
    if not taken:
        raise OperationError(f"{bars} has no bars of {day} for these stocks; `bars list` shows what is there")
    shutil.rmtree(folder, ignore_errors=True)
    copy = BarStore(folder)
    opens, auction, ends = (_minute_of(at) for at in (session.opens_at, session.auction_at, session.ends_at))
    with copy.writing():
        minutes = {symbol: found.stocks[symbol].bars for symbol in taken}
        within = {
            symbol: [bar for bar in each if opens <= bar.minute < auction or bar.minute == ends]
            for symbol, each in minutes.items()
        }
        copy.write_day(day, within)
        copy.write_daily(store.daily_between(day - _BEFORE, day, taken))
        copy.write_instruments(found.stocks[symbol].instrument for symbol in taken)
    return taken


def _minute_of(instant: datetime) -> int:
    local = in_seoul(instant)
    return local.hour * 60 + local.minute
