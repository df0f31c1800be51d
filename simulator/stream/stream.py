"""The stream of both services: takes connections and, a few times a second, sends what has happened in the market."""

import asyncio
import logging
from collections import deque
from datetime import datetime
from time import perf_counter
from typing import Final

from starlette.responses import PlainTextResponse
from starlette.websockets import WebSocket

from domain.clock import in_seoul
from domain.market import Symbol
from simulator.faults import DOOR_FAULTS, NOTICE_FAULTS, SESSION_FAULTS, CallFacts, FaultKind, FaultRule
from simulator.order_events import OrderEvent
from simulator.services import Service
from simulator.simulation import Simulation
from simulator.stream.desk import RegistrationDesk
from simulator.stream.feeds import Feed, feed_of
from simulator.stream.frames import Cipherkeys, market_frame, notice_frame, pingpong
from simulator.stream.notices import notice_record
from simulator.stream.session import Registration, Session
from simulator.stream.spoiling import spoiled
from simulator.stream.topics import TOPICS, notices_of

PATH: Final = "stream"
"""The path of fault rules that speak of the stream."""

_IDLE_SHARE: Final = 4
"""Of five parts of a processor's time the pump leaves at least four."""

_logger = logging.getLogger("simulator.stream")


class Stream:
    """All sessions of one simulation and the pump that feeds them while there are any."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._settings = simulation.settings.stream
        self._desk = RegistrationDesk(self._settings, simulation.exchange)
        self._sessions: list[Session] = []
        self._feeds: dict[tuple[str, Registration], Feed] = {}
        self._events: deque[OrderEvent] = deque()
        self._held_back: OrderEvent | None = None
        self._looked: tuple[object, int] = (None, 0)
        self._pumping: asyncio.Task[None] | None = None

    async def serve(self, websocket: WebSocket, service: Service) -> None:
        """Talk to one client until the connection ends."""
        refusals = self._faults(CallFacts(PATH, environment=service.environment), DOOR_FAULTS)
        if refusals:
            await websocket.send_denial_response(PlainTextResponse("refused", refusals[0].status))
            return
        await websocket.accept()
        session = Session(websocket, service)
        self._join(session)
        sending = asyncio.create_task(session.send_all())
        linger = 0.0
        try:
            await self._listen(session)
        except ConnectionResetError:
            linger = self._settings.linger
        finally:
            sending.cancel()
            self._leave(session, linger)

    async def _listen(self, session: Session) -> None:
        while (text := await session.next_text()) is not None:
            if session.is_over:
                continue
            self._desk.answer(session, text, self._simulation.real_now())
            self._begin_feeds(session)

    def _join(self, session: Session) -> None:
        if not self._sessions:
            self._simulation.engine.listeners.append(self._hear)
        session.ping_due_at = asyncio.get_running_loop().time() + self._settings.ping_interval
        self._sessions.append(session)
        if self._pumping is None or self._pumping.done():
            self._pumping = asyncio.create_task(self._pump())

    def _leave(self, session: Session, linger: float) -> None:
        self._sessions.remove(session)
        self._desk.release(session, self._simulation.real_now().timestamp() + linger)
        if not self._sessions:
            self._simulation.engine.listeners.remove(self._hear)
            self._events.clear()

    def _hear(self, event: OrderEvent) -> None:
        self._events.append(event)

    def _begin_feeds(self, session: Session) -> None:
        at = self._simulation.market_now().replace(microsecond=0)
        for registration in session.registrations:
            tr_id, tr_key = registration
            place = (session.service.environment, registration)
            if place not in self._feeds and not TOPICS[tr_id].is_notice:
                self._feeds[place] = feed_of(tr_id, Symbol(tr_key), self._simulation, self._settings, at)
                self._looked = (None, 0)

    async def _pump(self) -> None:
        """Look at the market again and again; a slow look is followed by a longer pause."""
        try:
            while self._sessions:
                began = perf_counter()
                self._look()
                took = perf_counter() - began
                await asyncio.sleep(max(self._settings.look_interval, took * _IDLE_SHARE))
        except Exception:
            _logger.exception("stream_pump_failed")
            for session in self._sessions:
                session.cut()

    def _look(self) -> None:
        at = self._simulation.advance().replace(microsecond=0)
        now = asyncio.get_running_loop().time()
        for session in self._sessions:
            self._spoil_session(session)
            self._keep_alive(session, now)
        while self._events:
            self._tell(self._events.popleft())
        looked = (at, self._simulation.exchange.changes)
        if looked != self._looked:
            self._looked = looked
            self._feed(at)

    def _feed(self, at: datetime) -> None:
        for place in list(self._feeds):
            environment, registration = place
            readers = [
                session
                for session in self._sessions
                if registration in session.registrations and session.service.environment == environment
            ]
            if not readers:
                del self._feeds[place]
                continue
            tr_id, symbol = registration
            records = self._feeds[place].look(at)
            facts = CallFacts(PATH, tr_id, symbol=symbol, environment=environment)
            records = spoiled(records, facts, self._simulation.faults) if records else []
            if records:
                frame = market_frame(tr_id, records)
                for session in readers:
                    session.send(frame)

    def _keep_alive(self, session: Session, now: float) -> None:
        settings = self._settings
        if session.pinged_at is not None and settings.ping_timeout and now - session.pinged_at > settings.ping_timeout:
            session.end()
            return
        if now < session.ping_due_at or session.is_over:
            return
        session.ping_due_at = now + settings.ping_interval
        if session.pinged_at is None:
            session.pinged_at = now
        facts = CallFacts(PATH, "PINGPONG", environment=session.service.environment)
        kst = in_seoul(self._simulation.market_now()).strftime("%Y%m%d%H%M%S")
        for text in spoiled([pingpong(kst)], facts, self._simulation.faults):
            session.send(text)

    def _spoil_session(self, session: Session) -> None:
        facts = CallFacts(PATH, environment=session.service.environment)
        for rule in self._faults(facts, SESSION_FAULTS):
            match rule.kind:
                case FaultKind.STREAM_CUT:
                    session.cut()
                case FaultKind.STREAM_NEW_KEYS:
                    session.keys = Cipherkeys.fresh()
                case FaultKind.STREAM_STOLEN:
                    self._desk.take_away(session, self._simulation.real_now().timestamp() + rule.seconds)
                    session.cut()

    def _tell(self, event: OrderEvent) -> None:
        """Send a notice with whatever fault is due."""
        environment = self._simulation.owners.environment_of(event.order.account)
        if environment is None:
            return
        order, tr_id = event.order, notices_of(environment)
        rules = self._faults(CallFacts(PATH, tr_id, order.side, order.symbol, environment), NOTICE_FAULTS)
        kinds = {rule.kind for rule in rules}
        if FaultKind.NOTICE_LOST in kinds:
            return
        if FaultKind.NOTICE_SWAPPED in kinds and self._held_back is None:
            self._held_back = event
            return
        late = max((rule.seconds for rule in rules if rule.kind is FaultKind.NOTICE_LATE), default=0.0)
        for _ in range(2 if FaultKind.NOTICE_TWICE in kinds else 1):
            if late:
                asyncio.get_running_loop().call_later(late, self._deliver, event)
            else:
                self._deliver(event)
        held, self._held_back = self._held_back, None
        if held is not None:
            self._deliver(held)

    def _deliver(self, event: OrderEvent) -> None:
        owners, settings = self._simulation.owners, self._settings
        stock = self._simulation.exchange.tapes[event.order.symbol].listing.name
        for session in self._sessions:
            service = session.service
            tr_id = notices_of(service.environment)
            hts_id = next((tr_key for name, tr_key in session.registrations if name == tr_id), None)
            if hts_id is None or not owners.is_tied(event.order.account, service.environment, session.app_key):
                continue
            fields = settings.paper_fields if service.is_paper else settings.real_fields
            record = notice_record(event, stock, hts_id, fields, paper=service.is_paper)
            facts = CallFacts(PATH, tr_id, event.order.side, event.order.symbol, service.environment)
            for text in spoiled([record], facts, self._simulation.faults):
                session.send(notice_frame(tr_id, text, session.keys))

    def _faults(self, facts: CallFacts, among: frozenset[FaultKind]) -> list[FaultRule]:
        """Return the rules that are due and keep in mind that they have hit."""
        if not self._simulation.faults.rules:
            return []
        due = self._simulation.faults.due(facts, among)
        if due:
            self._simulation.note_faults()
        return due
