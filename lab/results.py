"""The files of a backtest: its settings, one file a finished day, and what they add up to."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter

from domain.market import Symbol
from domain.position import ClosedTrade
from domain.session import SessionDate
from lab.day import PlayedDay
from lab.recording import Gaps
from lab.won import unexplained_won
from reporting.market import RefusedEntry, SignalRun, refused_entries, runs_of
from security.private_files import private_folder, write_private
from verifier.invariants import violations

_HASH: Final = 16
DATED: Final = "dated"
NAMED: Final = "named"
"""The universe of a backtest: a list by date, or the same stocks for every date."""


@dataclass(frozen=True)
class Settings:
    """What decides a backtest's trades, beside the bars of each day."""

    strategy: str
    version: str
    first: str
    last: str
    rules: Mapping[str, str]
    workers: int
    capital: int
    universe: str
    """Who chose the stocks and a hash of them; blank if every stored stock of a day is in it."""
    sources: Mapping[str, str] = field(default_factory=dict)
    """Hashes of Haru's sources, and of the strategies and filters in use, so that the days of other code are not taken
    for those of this one."""

    @property
    def id(self) -> str:
        """Return the name of the backtest's folder: equal settings give an equal name."""
        text = json.dumps(asdict(self), sort_keys=True)
        return f"{self.strategy}-{self.first}-{self.last}-{sha256(text.encode()).hexdigest()[:8]}"


@dataclass(frozen=True)
class DayResult:
    """One finished day."""

    date: SessionDate
    bars: str
    """A hash of the day's bars."""
    gaps: Gaps
    trades: tuple[ClosedTrade, ...] = ()
    carried: Mapping[str, int] = field(default_factory=dict)
    """Shares that the close could not sell, by symbol."""
    net: int = 0
    """Change of the broker's cash (won)."""
    unexplained: int = 0
    violations: tuple[str, ...] = ()
    not_bought: Mapping[str, int] = field(default_factory=dict)
    """How often a candidate was not bought, by reason."""
    fault: str = ""
    """Why the day could not be played to its end."""
    seconds: float = 0.0
    refused: tuple[RefusedEntry, ...] = ()
    """The entries of single stocks that a guard refused."""
    signals: Mapping[Symbol, tuple[SignalRun, ...]] | None = None
    """Signals of the traded stocks; None in the files of earlier versions."""
    symbols: tuple[Symbol, ...] = ()
    """The stocks that could be traded; empty in the files of earlier versions."""

    @property
    def is_sound(self) -> bool:
        """Return whether the verifier found nothing and the cash is explained to the won."""
        return not (self.violations or self.unexplained or self.fault)


_DAY: Final = TypeAdapter(DayResult)


def result_of(day: PlayedDay, bars: str, seconds: float) -> DayResult:
    """Judge a played day."""
    books = day.books
    found = [f"{name}: {each.what}: {each.evidence}" for name, all_ in violations(books).items() for each in all_]
    opening = books.broker.opening_cash or 0
    return DayResult(
        date=books.date,
        bars=bars,
        gaps=day.recorded.gaps,
        trades=tuple(sorted(books.ledger.trades, key=lambda trade: (trade.closed_at, trade.worker_id))),
        carried=dict(sorted(books.broker.holdings.items())),
        net=books.broker.cash - opening,
        unexplained=unexplained_won(books),
        violations=tuple(found),
        not_bought=dict(sorted(day.not_bought.items())),
        seconds=seconds,
        refused=refused_entries(each.event for each in books.ledger.events),
        signals={symbol: runs_of(minutes, books.plan.session) for symbol, minutes in day.signals.items()},
        symbols=tuple(day.recorded.stocks),
    )


def hash_of(days: Iterable[DayResult]) -> str:
    """Return a hash over all trades: equal trades give an equal hash."""
    digest = sha256()
    for day in sorted(days, key=lambda each: each.date):
        digest.update(f"{day.date} {day.fault}\n".encode())
        for trade in day.trades:
            digest.update(f"{_line(trade)}\n".encode())
    return digest.hexdigest()[:_HASH]


def _line(trade: ClosedTrade) -> str:
    parts = (
        *(trade.worker_id, trade.symbol, trade.opened_at, trade.closed_at, trade.quantity),
        *(trade.entry_amount, trade.exit_amount, trade.net_pnl, trade.exit_reason, trade.strategy.name),
    )
    return " ".join(map(str, parts))


class Results:
    """The folder of one backtest. A day's file appears as a whole when the day is finished."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.folder = folder / settings.id
        self._settings = settings

    def begin(self, *, again: bool) -> None:
        """Write the settings; remove the days of an earlier run unless it goes on."""
        private_folder(self.folder / "days")
        if not again:
            for file in self._files():
                file.unlink()
        write_private(self.folder / "settings.json", json.dumps(asdict(self._settings), ensure_ascii=False, indent=1))

    def differing(self) -> list[str]:
        """Return in which settings the latest other backtest of the same strategy and dates differs."""
        begins, now = self._settings.id.rpartition("-")[0], json.loads(json.dumps(asdict(self._settings)))
        kept = [file for file in self.folder.parent.glob(f"{begins}-*/settings.json") if file.parent != self.folder]
        for file in sorted(kept, key=lambda each: each.stat().st_mtime, reverse=True):
            try:
                then = json.loads(file.read_bytes())
            except (OSError, ValueError):
                continue
            return sorted(name for name in now if now[name] != then.get(name))
        return []

    def keep(self, day: DayResult) -> None:
        """Keep a finished day."""
        write_private(self.folder / "days" / f"{day.date}.json", _DAY.dump_json(day))

    def finished(self) -> dict[date, DayResult]:
        """Return the finished days. An unreadable file counts as none: its day is played again."""
        found = {}
        for file in self._files():
            try:
                day = _DAY.validate_json(file.read_bytes())
            except (OSError, ValueError):
                continue
            found[date(*day.date.timetuple()[:3])] = day
        return found

    @property
    def ended(self) -> bool:
        """Return whether a summary has been written: all days were played."""
        return (self.folder / "report.json").exists()

    def write_summary(self, values: Mapping[str, Any]) -> Path:
        """Write the figures of the whole backtest."""
        path = self.folder / "report.json"
        write_private(path, json.dumps(values, ensure_ascii=False, indent=1))
        return path

    def _files(self) -> Sequence[Path]:
        return sorted((self.folder / "days").glob("*.json"))
