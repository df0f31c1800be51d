"""One round: a day under the adversary, and the verdict."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from domain.identity import SIMULATED_ACCOUNT
from fleet.alerting.channels import channels_of
from tools.chaos.adversary import Adversary, Deed
from tools.chaos.broker_side import BrokerSide
from tools.chaos.day import Day, DayAsked, running_day
from tools.chaos.processes import CHANNEL
from tools.chaos.schedule import schedule
from verifier.reading import read_books
from verifier.verdict import Verdict, judge
from workflows.close_outcome import CloseOutcome

QUIET_END: Final = 36.0
"""Real seconds without new faults before the session ends: a lost reply alone takes 22 to be proven absent."""


@dataclass(frozen=True, slots=True)
class Asked(DayAsked):
    """Parameters of one round."""

    @property
    def troubled(self) -> float:
        """Return the real seconds after the open within which faults start and end."""
        return max(self.minutes * 60 - QUIET_END, 0.0)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Result of a round: the acts, the hits of the broker's faults, the close, and the verdict."""

    asked: Asked
    deeds: tuple[Deed, ...]
    hits: Mapping[str, int]
    closed: CloseOutcome | None
    verdict: Verdict
    seconds: float
    lost_channels: tuple[str, ...] = ()
    """Alert channels that the fleet had at the start and has lost."""


async def play_round(asked: Asked, home: Path, log: Callable[[str], None]) -> Outcome:
    """Play one day of a seed from an empty folder."""
    began = time.monotonic()
    async with running_day(asked, home / str(asked.seed), cuttable=True) as day:
        log(f"seed {asked.seed}: {day.parts.endpoints}")
        deeds, hits = await _break(day, asked, log)
        log("calm again; the day may end")
        closed = await day.closed()
        lost = await _lost_channels(day)
        verdict = await judge(lambda: read_books(day.sources, day.plan))
    return Outcome(asked, deeds, hits, closed, verdict, time.monotonic() - began, lost)


async def _lost_channels(day: Day) -> tuple[str, ...]:
    known = {state.channel for state in await day.fleet.database.alerts.states(day.fleet.account_id)}
    return tuple(channel.key for channel in channels_of([CHANNEL]) if channel.key not in known)


async def _break(day: Day, asked: Asked, log: Callable[[str], None]) -> tuple[tuple[Deed, ...], dict[str, int]]:
    loop = asyncio.get_running_loop()
    opens_in = day.fleet.clock.real_time(day.plan.session.opens_at) - datetime.now(UTC)  # noqa: TID251 - real processes
    adversary = Adversary(day, BrokerSide(day.control, SIMULATED_ACCOUNT))
    acts = schedule(asked.seed, asked.troubled, asked.processes)
    opens_at = loop.time() + opens_in.total_seconds()
    deeds, hits = await asyncio.gather(
        adversary.play(acts, opens_at, lambda deed: log(f"{deed.act.at:6.1f} s  {deed.act.kind}: {deed.fell_upon}")),
        adversary.calm_broker(opens_at + asked.troubled),
    )
    await adversary.calm()
    return deeds, hits
