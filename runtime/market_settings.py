"""Settings of the market: the simulated one, the operator's corrections of the calendar, and the times of the close."""

from datetime import date, datetime
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, HttpUrl, SecretStr
from pydantic_settings import NoDecode

from domain.clock import KST
from domain.rule_changes import MOST_WON
from domain.session import SessionHours
from exchange.calendar import CalendarOverrides, hours_from_text


def _split(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _hours(value: object) -> object:
    """Parse `2026-11-19=10:00-16:20-16:30`, separated by commas: opening, closing auction, end (KST)."""
    parts = _split(value)
    return dict(map(hours_from_text, parts)) if isinstance(value, str) and isinstance(parts, list) else value


def _in_seoul(value: datetime) -> datetime:
    return (value if value.tzinfo else value.replace(tzinfo=KST)).replace(microsecond=0)


Days = Annotated[frozenset[date], NoDecode, BeforeValidator(_split)]
ChangedHours = Annotated[dict[date, SessionHours], NoDecode, BeforeValidator(_hours)]


class SimulatorSettings(BaseModel):
    """The simulated market. A data folder keeps the market of its first start."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    url: HttpUrl | None = None
    """A simulator that runs elsewhere. If set, none is embedded."""
    control_token: SecretStr | None = None
    """Token of its control API (`--control-token`). Only reports and the verifier use it."""
    speed: int = Field(default=10, ge=1, le=1000)
    seed: int = Field(default=7, ge=0, le=2**63 - 1)
    start: Annotated[datetime, AfterValidator(_in_seoul)] | None = None
    """Market time at the start; KST if it has no zone. None: 08:58 KST of the next session."""
    opening_cash: int = Field(default=100_000_000, gt=0, le=MOST_WON)
    listings: int = Field(default=48, ge=1, le=1048)
    """How many stocks are listed. Stocks beyond 48 are made up."""
    bars: Path | None = None
    """Recorded bars that it plays instead: the folder of `starter.py bars`. Only their stocks are listed."""


class CalendarSettings(BaseModel):
    """The operator's corrections of the calendar; see `CalendarOverrides`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    closures: Days = frozenset()
    sessions: Days = frozenset()
    hours: ChangedHours = Field(default_factory=dict)

    def overrides(self) -> CalendarOverrides:
        return CalendarOverrides(self.closures, self.sessions, self.hours)


class CloseSettings(BaseModel):
    """Minutes (market time) before the session's end. The last ten are the closing auction."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    entries_end: int = Field(default=30, ge=11, le=240)
    liquidation_begins: int = Field(default=15, ge=11, le=240)
    """Latest start. Many positions, few calls a second or an illiquid stock cause an earlier start."""
