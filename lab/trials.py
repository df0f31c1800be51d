"""The trials of sweeps: which parameters were tried, and what each earned on each session.

``sweeps/ID/`` in the data folder. Every trial counts for the deflated Sharpe ratio, so none is ever removed; the same
trial in several sweeps counts once (``lab/evidence/trials.py``).

=============================  =========================================================================
``sweep.json``                 the settings, as ``Sweep``
``trials/BATCH.parquet``       ``trial`` INTEGER, ``fold`` INTEGER, ``rules`` VARCHAR (JSON: rule to text)
``days/BATCH-DATE.parquet``    ``trial`` INTEGER, ``date`` DATE, ``trades`` INTEGER, ``wins`` INTEGER, ``gross`` BIGINT,
                               ``net`` BIGINT, ``stakes`` BIGINT (won), ``kernel`` VARCHAR (``Kernel``),
                               ``bars`` VARCHAR (hash of the day's bars)
=============================  =========================================================================

``fold`` is the walk-forward window whose search asked for the trial; -1 if all windows share it (grid, random). Every
trial has one row for each session of the sweep, also without a trade. A batch's day appears as a whole or not at all,
so an interrupted sweep goes on where it stopped.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

from history.errors import HistoryError
from history.parquet import Parquet
from security.private_files import private_folder, write_private

SHARED: Final = -1
"""The fold of a trial that every walk-forward window may choose."""
_TRIALS: Final = {"trial": "INTEGER", "fold": "INTEGER", "rules": "VARCHAR"}
_DAYS: Final = {
    "trial": "INTEGER",
    "date": "DATE",
    **dict.fromkeys(("trades", "wins"), "INTEGER"),
    **dict.fromkeys(("gross", "net", "stakes"), "BIGINT"),
    **dict.fromkeys(("kernel", "bars"), "VARCHAR"),
}
_NONE_KEPT: Final = "false"


class Trial(NamedTuple):
    """One set of parameters. ``rules`` are the swept rules by dotted name, as ``--set`` takes them."""

    number: int
    fold: int
    rules: Mapping[str, str]


class TrialDay(NamedTuple):
    """What a trial earned in one session: won, after costs in ``net``. ``stakes`` is the sum of the entry amounts."""

    trial: int
    date: date
    trades: int = 0
    wins: int = 0
    gross: int = 0
    net: int = 0
    stakes: int = 0
    kernel: str = ""
    """Which kernel played it; blank if not asked for."""


class Kernel(StrEnum):
    """What decides the trades of a sweep; ``cli/tables/sweep.py`` and the page name them."""

    FUNCTIONS = "functions"
    """The pure functions of screening, strategy and exits."""
    ENTRIES = "compiled entries"
    """Screening and entry rule are compiled, the pure functions do the rest."""
    EXITS = "compiled exits"
    """Each signal alone: the pure functions buy, the exits are compiled."""
    COMPILED = "compiled"
    """Each signal alone: screening, entry rule and exits are compiled."""


@dataclass(frozen=True)
class Sweep:
    """What decides a sweep's trials, beside the bars. Equal settings have an equal ``id``."""

    strategy: str
    version: str
    first: str
    last: str
    search: str
    """``grid``, ``random`` or ``optuna``."""
    parameters: Mapping[str, Sequence[str]]
    """The swept rules by dotted name, each with its texts in order."""
    trials: int
    """How many were asked for; a grid has as many as it has combinations."""
    seed: int
    rules: Mapping[str, str]
    """The other rules that differ from the defaults."""
    workers: int
    capital: int
    """Won at the start of each session: a daily return is ``net`` ÷ ``capital``."""
    universe: str
    """A hash of the symbols by day; blank if every stored stock of a day is in it."""
    train: int
    test: int
    gap: int
    """Sessions of a walk-forward window: for choosing, for reporting, and left out between both."""
    sources: Mapping[str, str] = field(default_factory=dict)
    """Hashes of Haru's sources and of the strategy's."""
    alone: bool = False
    """Whether every signal stands alone, as if each stock had a worker of its own, with exits as data."""

    @property
    def id(self) -> str:
        """Return the name of the sweep's folder."""
        text = json.dumps(asdict(self), sort_keys=True)
        return f"{self.strategy}-{self.first}-{self.last}-{sha256(text.encode()).hexdigest()[:8]}"


class TrialStore:
    """The folder of one sweep. It may be read while a sweep writes into it.

    Raises:
        MissingDuckDBError: the extra ``history`` is not installed.
        HistoryError: a file cannot be read or written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._parquet = Parquet()

    def begin(self, sweep: Sweep, *, again: bool) -> None:
        """Write the settings. ``again`` keeps the finished days of an interrupted sweep with the same settings."""
        private_folder(self.folder)
        if not again:
            for file in (*self._files("trials"), *self._files("days")):
                file.unlink()
        write_private(self.folder / "sweep.json", json.dumps(asdict(sweep), ensure_ascii=False, indent=1))

    def sweep(self) -> Sweep:
        """Return the settings."""
        file = self.folder / "sweep.json"
        try:
            return Sweep(**json.loads(file.read_bytes()))
        except (OSError, ValueError, TypeError) as error:
            raise HistoryError(f"{file} cannot be read ({error}); run the sweep again") from None

    def keep_trials(self, batch: int, trials: Iterable[Trial]) -> None:
        """Write the trials of a batch, before any of them is played."""
        rows = [(each.number, each.fold, json.dumps(dict(each.rules), sort_keys=True)) for each in trials]
        self._parquet.write(
            self.folder / "trials" / f"{batch:05}.parquet", _TRIALS, rows, kept=_NONE_KEPT, order="trial"
        )

    def keep_day(self, batch: int, days: Sequence[TrialDay], bars: str) -> None:
        """Write what a batch's trials earned in one session."""
        file = self._day_file(batch, days[0].date)
        self._parquet.write(file, _DAYS, ((*each, bars) for each in days), kept=_NONE_KEPT, order="trial")

    def finished(self, batch: int) -> dict[date, str]:
        """Return the finished sessions of a batch with the hash of their bars. A broken file counts as none."""
        found: dict[date, str] = {}
        for file in sorted((self.folder / "days").glob(f"{batch:05}-*.parquet")):
            try:
                found |= dict(self._parquet.rows("SELECT DISTINCT date, bars FROM {files}", [file]))
            except HistoryError:
                continue
        return found

    def trials(self) -> tuple[Trial, ...]:
        """Return every trial, by number."""
        rows = self._parquet.rows("SELECT trial, fold, rules FROM {files} ORDER BY trial", self._files("trials"))
        return tuple(Trial(number, fold, json.loads(rules)) for number, fold, rules in rows)

    def days(self, batch: int | None = None) -> dict[int, list[TrialDay]]:
        """Return each trial's sessions in order, of one batch or of all."""
        files = self._files("days", "*" if batch is None else f"{batch:05}-*")
        query = "SELECT trial, date, trades, wins, gross, net, stakes FROM {files} ORDER BY trial, date"
        found: dict[int, list[TrialDay]] = {}
        for row in self._parquet.rows(query, files):
            found.setdefault(row[0], []).append(TrialDay(*row))
        return found

    def kernels(self) -> tuple[str, ...]:
        """Return the kernels that played; a folder of an earlier version does not say it."""
        try:
            rows = self._parquet.rows("SELECT DISTINCT kernel FROM {files} ORDER BY kernel", self._files("days"))
            return tuple(kernel for (kernel,) in rows if kernel)
        except HistoryError:
            return ()

    def bars(self) -> list[tuple[str, str]]:
        """Return each played session with the hash of its bars, in order; two rows if the bars have changed since."""
        rows = self._parquet.rows("SELECT DISTINCT date, bars FROM {files} ORDER BY date, bars", self._files("days"))
        return [(f"{day}", bars) for day, bars in rows]

    def daily_returns(self) -> dict[int, list[tuple[date, float]]]:
        """Return each trial's sessions in order with net result ÷ capital."""
        capital = self.sweep().capital
        return {trial: [(day.date, day.net / capital) for day in days] for trial, days in self.days().items()}

    def _day_file(self, batch: int, day: date) -> Path:
        return self.folder / "days" / f"{batch:05}-{day}.parquet"

    def _files(self, folder: str, named: str = "*") -> list[Path]:
        return sorted((self.folder / folder).glob(f"{named}.parquet"))


def sweeps_of(folder: Path, strategy: str) -> list[TrialStore]:
    """Return all sweeps of a strategy below ``sweeps/``, whatever its version."""
    found = [TrialStore(file.parent) for file in sorted(folder.glob("*/sweep.json"))]
    return [store for store in found if store.sweep().strategy.replace(",", "+") == strategy.replace(",", "+")]
