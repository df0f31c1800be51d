"""Market data for the sessions: each registered stock is checked once for all its subscribers."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from time import thread_time
from typing import Final

from simulator.clock import market_text
from simulator.faults import CallFacts
from simulator.krx.units import Symbol
from simulator.settings import StreamSettings
from simulator.simulation import Simulation
from simulator.stream.feeds import Feed, Wanted, feed_of
from simulator.stream.frames import market_frame
from simulator.stream.session import Registration, Session
from simulator.stream.spoiling import PATH, spoiled
from simulator.stream.topics import TOPICS

_LONGEST_TURN: Final = 0.005
"""Seconds of work after which other connections get a turn."""

Place = tuple[str, Registration]
"""Environment and registration."""


class MarketData:
    """The feeds of all sessions."""

    def __init__(self, simulation: Simulation, settings: StreamSettings) -> None:
        self._simulation = simulation
        self._settings = settings
        self._feeds: dict[Place, Feed] = {}
        self._looked: tuple[datetime, int] | None = None

    def begin(self, session: Session) -> None:
        """Start the feeds that a session has registered and that are not running yet."""
        at = self._now()
        for registration in session.registrations:
            tr_id, tr_key = registration
            place = (session.service.environment, registration)
            if place not in self._feeds and not TOPICS[tr_id].is_notice:
                wanted = Wanted(self._simulation, TOPICS[tr_id], Symbol(tr_key), self._settings, at)
                self._feeds[place] = feed_of(wanted)
                self._looked = None

    def end_unheard(self, sessions: Sequence[Session]) -> None:
        """End the feeds without subscribers, so that a later subscriber gets no backlog."""
        heard = {(session.service.environment, one) for session in sessions for one in session.registrations}
        self._feeds = {place: feed for place, feed in self._feeds.items() if place in heard}

    async def look(self, sessions: Sequence[Session]) -> float:
        """Send new records and return the work in seconds. Other connections get a turn after a few stocks."""
        looked = (self._now(), self._simulation.changes)
        if looked == self._looked:
            return 0.0
        self._looked = looked
        worked, began = 0.0, thread_time()
        for place in list(self._feeds):
            self._look_at(place, [session for session in sessions if _listens(session, place)])
            if thread_time() - began > _LONGEST_TURN:
                worked += thread_time() - began
                await asyncio.sleep(0)
                began = thread_time()
        return worked + thread_time() - began

    def _look_at(self, place: Place, readers: Sequence[Session]) -> None:
        environment, (tr_id, symbol) = place
        feed = self._feeds.get(place)
        records = feed.look(self._now()) if feed else []
        if not records:
            return
        at = market_text(self._simulation.market_now())
        facts = CallFacts(PATH, tr_id, symbol=symbol, environment=environment, at=at)
        records = spoiled(records, facts, self._simulation.faults)
        if records:
            frame = market_frame(tr_id, records)
            for session in readers:
                session.send(frame)

    def _now(self) -> datetime:
        return self._simulation.market_now().replace(microsecond=0)


def _listens(session: Session, place: Place) -> bool:
    environment, registration = place
    return registration in session.registrations and session.service.environment == environment
