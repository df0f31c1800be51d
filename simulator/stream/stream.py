"""The stream of both services: accepts connections and sends market changes several times a second."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

from starlette.responses import PlainTextResponse
from starlette.websockets import WebSocket

from simulator.clock import market_text
from simulator.faults import DOOR_FAULTS, SESSION_FAULTS, CallFacts, StreamFault
from simulator.krx.sessions import in_seoul
from simulator.services import Service
from simulator.simulation import Simulation
from simulator.stream.desk import RegistrationDesk
from simulator.stream.frames import Cipherkeys, pingpong
from simulator.stream.market_data import MarketData
from simulator.stream.notice_desk import NoticeDesk
from simulator.stream.session import Session
from simulator.stream.spoiling import PATH, PINGPONG, rules_due, spoiled

_REST_AFTER_WORK: Final = 3
"""Pause after a market check, in multiples of its duration: at most a quarter of a core is used."""

_logger = logging.getLogger("simulator.stream")


class Stream:
    """All sessions of one simulation, and the pumps that feed them while any are open."""

    def __init__(self, simulation: Simulation) -> None:
        self.settings = simulation.settings.stream
        self.sessions: list[Session] = []
        self._simulation = simulation
        self._desk = RegistrationDesk(self.settings, simulation.exchange)
        self._market = MarketData(simulation, self.settings)
        self._notices = NoticeDesk(simulation, self.settings, self.sessions)
        self._pumps: dict[str, asyncio.Task[None]] = {}

    async def serve(self, websocket: WebSocket, service: Service) -> None:
        """Serve one client until the connection ends."""
        facts = CallFacts(PATH, environment=service.environment, at=market_text(self._simulation.market_now()))
        for refusal in rules_due(self._simulation, facts, DOOR_FAULTS):
            await websocket.send_denial_response(PlainTextResponse("refused", refusal.status))
            return
        await websocket.accept()
        session = Session(websocket, service, self.settings.waiting)
        self._join(session)
        sending = asyncio.create_task(session.send_all())
        linger = 0.0
        try:
            await self._listen(session)
        except ConnectionResetError:
            linger = self.settings.linger
        finally:
            sending.cancel()
            self._leave(session, linger)

    def to_json(self) -> list[dict[str, Any]]:
        """Return the open sessions as the control API shows them."""
        return [session.to_json() for session in self.sessions]

    async def _listen(self, session: Session) -> None:
        while (text := await session.next_text()) is not None:
            if not session.is_over and not session.is_half_open:
                self._desk.answer(session, text, self._simulation.real_now())
                self._market.begin(session)
                self._market.end_unheard(self.sessions)

    def _join(self, session: Session) -> None:
        if not self.sessions:
            self._simulation.engine.listeners.append(self._notices.hear)
        session.ping_due_at = asyncio.get_running_loop().time() + self.settings.ping_interval
        self.sessions.append(session)
        for step in (self._attend, self._show_the_market):
            pump = self._pumps.get(step.__name__)
            if pump is None or pump.done():
                self._pumps[step.__name__] = asyncio.create_task(self._pump(step))

    def _leave(self, session: Session, linger: float) -> None:
        self.sessions.remove(session)
        self._desk.release(session, self._simulation.real_now().timestamp() + linger)
        self._market.end_unheard(self.sessions)
        if not self.sessions:
            self._simulation.engine.listeners.remove(self._notices.hear)
            self._notices.forget()

    async def _pump(self, step: Callable[[], Awaitable[float]]) -> None:
        """Repeat a step while sessions are open. The pause grows with the step's duration."""
        try:
            while self.sessions:
                worked = await step()
                await asyncio.sleep(max(self.settings.look_interval, worked * _REST_AFTER_WORK))
        except Exception:
            _logger.exception("stream_pump_failed")
            for session in self.sessions:
                session.cut()

    async def _attend(self) -> float:
        self._simulation.advance()
        now = asyncio.get_running_loop().time()
        for session in self.sessions:
            self._spoil(session)
            self._keep_alive(session, now)
        self._notices.pass_on()
        return 0.0

    async def _show_the_market(self) -> float:
        return await self._market.look(self.sessions)

    def _keep_alive(self, session: Session, now: float) -> None:
        """Send PINGPONG when due. Close a session that does not answer, if a timeout is set."""
        timeout = self.settings.ping_timeout
        if session.is_over:
            return
        if timeout and session.pinged_at is not None and now - session.pinged_at > timeout:
            session.end()
        elif now >= session.ping_due_at:
            session.ping_due_at = now + self.settings.ping_interval
            session.pinged_at = now if session.pinged_at is None else session.pinged_at
            at = self._simulation.market_now()
            facts = CallFacts(PATH, PINGPONG, environment=session.service.environment, at=market_text(at))
            kst = in_seoul(at).strftime("%Y%m%d%H%M%S")
            for record in spoiled([[pingpong(kst)]], facts, self._simulation.faults):
                session.send("^".join(record))

    def _spoil(self, session: Session) -> None:
        at = market_text(self._simulation.market_now())
        facts = CallFacts(PATH, environment=session.service.environment, at=at)
        for rule in rules_due(self._simulation, facts, SESSION_FAULTS):
            match rule.kind:
                case StreamFault.STREAM_CUT:
                    session.cut()
                case StreamFault.STREAM_NEW_KEYS:
                    session.keys = Cipherkeys.fresh()
                case StreamFault.STREAM_HALF_OPEN:
                    session.half_open(rule.seconds)
                case StreamFault.STREAM_LATE:
                    session.stall(rule.drawn_seconds)
                case StreamFault.STREAM_STOLEN:
                    self._desk.take_away(session, self._simulation.real_now().timestamp() + rule.seconds)
                    session.cut()
