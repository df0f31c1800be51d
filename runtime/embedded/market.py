"""The embedded simulator's market: its clock and seed, set at the first start and then kept."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Final

from domain.clock import KST, MarketClock
from exchange.calendar import CalendarOverrides, krx_calendar
from runtime.embedded.errors import CorruptFolderError, EmbeddedError
from runtime.embedded.folder import read_json
from runtime.market_settings import SimulatorSettings
from security.private_files import write_private

_STARTS_AT: Final = time(8, 58)


@dataclass(frozen=True, slots=True)
class Market:
    """Parameters that make two runs of the simulator the same market."""

    clock: MarketClock
    seed: int

    def to_dict(self) -> dict[str, str | int]:
        return {
            "real_anchor": self.clock.real_anchor.isoformat(),
            "market_anchor": self.clock.market_anchor.isoformat(),
            "speed": self.clock.speed,
            "seed": self.seed,
        }

    @classmethod
    def from_dict(cls, values: dict[str, str | int]) -> "Market":
        """Parse the output of `to_dict`; raise ValueError for anything else."""
        try:
            real, market = (datetime.fromisoformat(str(values[name])) for name in ("real_anchor", "market_anchor"))
            speed, seed = int(values["speed"]), int(values["seed"])
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a market: {error}") from error
        if real.tzinfo is None or market.tzinfo is None or speed < 1:
            raise ValueError("not a market: anchors need a zone, and the speed is at least 1")
        return cls(MarketClock(real.astimezone(UTC), market.astimezone(UTC), speed), seed)


def keep_market(folder: Path, wanted: SimulatorSettings, overrides: CalendarOverrides, now: datetime) -> Market:
    """Return the folder's market, created at its first start. `now` is real time (UTC)."""
    path = folder / "market.json"
    kept = read_json(path)
    if kept is None:
        market = _chosen(wanted, overrides, now)
        write_private(path, json.dumps(market.to_dict(), indent=2))
        return market
    try:
        market = Market.from_dict(kept)
    except ValueError as error:
        raise CorruptFolderError(f"{path} cannot be used ({error}); move it away and start again") from error
    _refuse_another(path, market, wanted)
    return market


def _chosen(wanted: SimulatorSettings, overrides: CalendarOverrides, now: datetime) -> Market:
    start = wanted.start or _before_the_next_session(overrides, now)
    return Market(MarketClock(now, start.astimezone(UTC), wanted.speed), wanted.seed)


def _before_the_next_session(overrides: CalendarOverrides, now: datetime) -> datetime:
    """Return 08:58 KST of the first session on or after today in Seoul."""
    today = now.astimezone(KST).date()
    calendar = krx_calendar(today.year, today.year + 1, overrides)
    session = calendar.session_at_or_after(datetime.combine(today, time(0), KST))
    return datetime.combine(session.date, _STARTS_AT, KST)


def _refuse_another(path: Path, kept: Market, wanted: SimulatorSettings) -> None:
    """Refuse explicitly set values that differ: a market cannot change its past."""
    differing = {
        "speed": wanted.speed != kept.clock.speed,
        "seed": wanted.seed != kept.seed,
        "start": wanted.start is not None and wanted.start != kept.clock.market_anchor,
    }
    names = [name for name, differs in differing.items() if differs and name in wanted.model_fields_set]
    if names:
        variables = ", ".join(f"HARU_SIMULATOR__{name.upper()}" for name in names)
        raise EmbeddedError(
            f"{variables}: this data folder already has a market of its own ({path}: speed {kept.clock.speed}, "
            f"seed {kept.seed}); unset it, or set HARU_DATA_DIR to a new folder"
        )
