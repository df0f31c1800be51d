"""Order notices for the sessions whose app key uses the account, with the faults that are due."""

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence

from simulator.clock import market_text
from simulator.faults import NOTICE_FAULTS, CallFacts, StreamFault
from simulator.order_events import OrderEvent
from simulator.settings import StreamSettings
from simulator.simulation import Simulation
from simulator.stream.frames import notice_frame
from simulator.stream.notices import notice_record, with_venue
from simulator.stream.session import Session
from simulator.stream.spoiling import PATH, rules_due, spoiled
from simulator.stream.topics import notices_of

Recipient = tuple[Session, str]
"""A session and its subscribed HTS id."""


class NoticeDesk:
    """Collects order events and sends them at the next check. ``sessions`` is the list of open sessions."""

    def __init__(self, simulation: Simulation, settings: StreamSettings, sessions: Sequence[Session]) -> None:
        self._simulation = simulation
        self._settings = settings
        self._sessions = sessions
        self._events: deque[OrderEvent] = deque()
        self._held_back: OrderEvent | None = None

    def hear(self, event: OrderEvent) -> None:
        """Store an event until the next check."""
        self._events.append(event)

    def pass_on(self) -> None:
        """Send notices for all events since the last check. Notices without a subscriber are lost, as at KIS."""
        while self._events:
            event = self._events.popleft()
            if any(self._recipients(event)):
                self._notify(event)

    def forget(self) -> None:
        """Drop unsent events. Notices are not repeated after a reconnect."""
        self._events.clear()
        self._held_back = None

    def _notify(self, event: OrderEvent) -> None:
        rules = rules_due(self._simulation, self._facts(event), NOTICE_FAULTS)
        kinds = {rule.kind for rule in rules}
        if StreamFault.NOTICE_LOST in kinds:
            return
        if StreamFault.NOTICE_SWAPPED in kinds and self._held_back is None:
            self._held_back = event
            return
        late = max((rule.seconds for rule in rules if rule.kind is StreamFault.NOTICE_LATE), default=0.0)
        for _ in range(2 if StreamFault.NOTICE_TWICE in kinds else 1):
            if late:
                asyncio.get_running_loop().call_later(late, self._send, event)
            else:
                self._send(event)
        held, self._held_back = self._held_back, None
        if held is not None:
            self._send(held)

    def _send(self, event: OrderEvent) -> None:
        facts, settings = self._facts(event), self._settings
        stock = self._simulation.exchange.tapes[event.order.symbol].listing.name
        for session, hts_id in self._recipients(event):
            paper = session.service.is_paper
            fields = settings.paper_fields if paper else settings.real_fields
            record = notice_record(event, stock, hts_id, fields, paper=paper)
            record = with_venue(record, self._simulation.routes.of(event.order).notice_code)
            for spoiled_record in spoiled([record], facts, self._simulation.faults):
                session.send(notice_frame(facts.tr_id, spoiled_record, session.keys))

    def _recipients(self, event: OrderEvent) -> Iterator[Recipient]:
        account, owners = event.order.account, self._simulation.owners
        for session in self._sessions:
            environment = session.service.environment
            hts_id = session.hts_id(notices_of(environment))
            if hts_id is not None and owners.is_tied(account, environment, session.app_key):
                yield session, hts_id

    def _facts(self, event: OrderEvent) -> CallFacts:
        order = event.order
        environment = self._simulation.owners.environment_of(order.account) or ""
        at = market_text(self._simulation.market_now())
        return CallFacts(PATH, notices_of(environment), order.side, order.symbol, environment, at)
