"""The two clocks of a simulation, and the command-line syntax for them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from simulator.krx.sessions import KST, TradingCalendar, in_seoul

_BEFORE_OPEN = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class MarketClock:
    """Market time as a line through one pair of instants (aware UTC); ``speed`` is market seconds per real second."""

    real_anchor: datetime
    market_anchor: datetime
    speed: int = 1

    def market_time(self, real: datetime) -> datetime:
        """Return the market's instant at a real instant."""
        return self.market_anchor + (real - self.real_anchor) * self.speed

    @property
    def is_live(self) -> bool:
        """Return whether market time and real time are the same."""
        return self.speed == 1 and self.real_anchor == self.market_anchor


_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
LIVE_CLOCK = MarketClock(_EPOCH, _EPOCH)


def utc_now() -> datetime:
    """Return the real instant."""
    return datetime.now(UTC)  # noqa: TID251


@dataclass(slots=True)
class ManualClock:
    """Market time (aware UTC) that moves only on command and never goes back."""

    market_time: datetime

    def set(self, instant: datetime) -> None:
        """Move to a market instant; raise ValueError if it is in the past."""
        if instant < self.market_time:
            raise ValueError(f"market time cannot go back from {in_seoul(self.market_time):%Y-%m-%d %H:%M:%S} KST")
        self.market_time = instant.astimezone(UTC)

    def advance(self, duration: timedelta) -> None:
        """Move forward by a span of market time."""
        self.set(self.market_time + duration)


def clock_from_text(text: str, speed: int, real: datetime, calendar: TradingCalendar) -> MarketClock:
    """Return the clock for ``--clock``: ``live``, ``open`` (one minute before the next open) or a KST time."""
    if text == "live":
        if speed != 1:
            raise ValueError("--clock live runs at speed 1; leave --speed out or choose another clock")
        return LIVE_CLOCK
    return MarketClock(real_anchor=real, market_anchor=market_instant(text, real, calendar), speed=speed)


def market_instant(text: str, real: datetime, calendar: TradingCalendar) -> datetime:
    """Return the market instant (UTC) for ``live``, ``open`` or a KST time such as ``2026-11-23 08:59:00``."""
    if text == "live":
        return real
    if text == "open":
        session = calendar.session_at_or_after(real)
        if real >= session.opens_at - _BEFORE_OPEN:
            session = calendar.session_at_or_after(session.ends_at)
        return session.opens_at - _BEFORE_OPEN
    return kst_instant(text)


def market_text(at: datetime) -> str:
    """Return a market instant as fault rules write it, such as ``2026-11-23 08:59:00`` (KST)."""
    return f"{in_seoul(at):%Y-%m-%d %H:%M:%S}"


def kst_instant(text: str) -> datetime:
    """Parse an ISO date and time and return aware UTC. Without an offset it is KST.

    Raises:
        ValueError: the text has another form.
    """
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f'"{text}" is not a date with a time; write it like "2026-11-23 10:30" (KST)') from None
    return (instant if instant.tzinfo else instant.replace(tzinfo=KST)).astimezone(UTC)


def clock_to_json(clock: MarketClock | ManualClock) -> dict[str, Any]:
    """Return a clock in the journal's format. A manual clock has speed 0."""
    if isinstance(clock, ManualClock):
        return {"market_anchor": clock.market_time.isoformat(), "real_anchor": None, "speed": 0}
    return {
        "market_anchor": clock.market_anchor.isoformat(),
        "real_anchor": clock.real_anchor.isoformat(),
        "speed": clock.speed,
    }


def clock_from_json(values: Mapping[str, Any]) -> MarketClock | ManualClock:
    """Return the clock that ``clock_to_json`` has written."""
    market = datetime.fromisoformat(values["market_anchor"])
    if not values["speed"]:
        return ManualClock(market)
    return MarketClock(datetime.fromisoformat(values["real_anchor"]), market, values["speed"])


def changed_clock(
    clock: MarketClock | ManualClock, values: Mapping[str, Any], at: datetime
) -> MarketClock | ManualClock:
    """Return the clock after the journal's command ``clock``, given at a market instant.

    ``to`` is the instant to show (None = ``at``); from the real instant ``real`` on, ``speed`` market seconds pass per
    real second; 0 stops time.
    """
    to = datetime.fromisoformat(values["to"]) if values["to"] else at
    speed = values.get("speed", 0)  # absent from older journals
    stopped = clock if isinstance(clock, ManualClock) else ManualClock(at)
    stopped.set(to)
    return MarketClock(datetime.fromisoformat(values["real"]), to, speed) if speed else stopped


def steady(market_time: Callable[[], datetime]) -> Callable[[], datetime]:
    """Wrap a time source so that it never goes back, even if the machine's clock does."""
    latest = datetime.min.replace(tzinfo=UTC)

    def read() -> datetime:
        nonlocal latest
        latest = max(latest, market_time())
        return latest

    return read
