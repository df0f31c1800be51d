"""Every reader of the KIS client, each with a reply as the simulator gives it, and its allowed results."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx

from broker.kis import KisBroker
from broker.kis.approval import ApprovalKeeper
from broker.kis.auth import TokenKeeper
from broker.kis.wire import Wire
from broker.protocol import AccessToken
from domain.clock import KST
from domain.identity import Environment
from domain.lane import Lane
from domain.market import Side
from domain.money import Price
from domain.order import BrokerOrderRef
from domain.session import REGULAR_HOURS, session_of
from simulator.app import create_app, create_simulation
from simulator.clock import ManualClock
from simulator.krx.sessions import krx_calendar
from simulator.settings import REAL, SimulationSettings
from tests.broker.parts import DAY, SAMSUNG, Budget, Tokens, a_connection, an_intent, market_now
from tests.support.builders import HYNIX

TEN: Final = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
_SESSION: Final = session_of(DAY, REGULAR_HOURS)
_REF: Final = BrokerOrderRef(DAY, "06010", "0000000001")

Act = Callable[["Caller"], Awaitable[object]]


@dataclass(slots=True)
class Caller:
    """A client on a network that gives one answer, with a valid token unless the token itself is requested."""

    network: httpx.AsyncBaseTransport
    has_token: bool = True
    budget: Budget = field(default_factory=Budget)

    def broker(self, environment: Environment = Environment.SIMULATED) -> KisBroker:
        return KisBroker(a_connection(environment), self.budget, self.tokens(), market_now, self.network)

    def tokens(self) -> Tokens:
        return Tokens(AccessToken("kept", market_now() + timedelta(hours=12)) if self.has_token else None)

    def wire(self) -> Wire:
        return Wire(a_connection(), self.network)


@dataclass(frozen=True, slots=True)
class Parser:
    """The call, and the last part of the path that serves its answer."""

    name: str
    label: str
    act: Act
    is_order: bool = False


def _paper(caller: Caller) -> KisBroker:
    return caller.broker(Environment.PAPER)


PARSERS: Final = (
    Parser("quotes", "intstock-multprice", lambda c: c.broker().quotes([SAMSUNG, HYNIX], Lane.SCAN)),
    Parser("quote", "inquire-price", lambda c: _paper(c).quotes([SAMSUNG], Lane.SCAN)),
    Parser("status", "inquire-price", lambda c: c.broker().instrument_status(SAMSUNG, Lane.SCAN)),
    Parser("book", "inquire-asking-price-exp-ccn", lambda c: c.broker().order_book(SAMSUNG, Lane.ENTRY)),
    Parser("bars", "inquire-daily-itemchartprice", lambda c: c.broker().daily_reference(SAMSUNG, DAY, Lane.SCAN)),
    Parser("daily chart", "inquire-daily-itemchartprice", lambda c: c.broker().charts.daily_bars(SAMSUNG, DAY, DAY)),
    Parser("minutes", "inquire-time-dailychartprice", lambda c: c.broker().charts.minute_bars(SAMSUNG, _SESSION)),
    Parser("ranking", "volume-rank", lambda c: c.broker().volume_leaders(30, Lane.SCAN)),
    Parser("holiday", "chk-holiday", lambda c: c.broker().is_session_day(DAY, Lane.SCAN)),
    Parser("buying power", "inquire-psbl-order", lambda c: c.broker().buying_power(SAMSUNG, Price(70_000), Lane.ENTRY)),
    Parser("balance", "inquire-balance", lambda c: c.broker().balance(Lane.RESOLVE)),
    Parser("order list", "inquire-daily-ccld", lambda c: c.broker().orders_on(DAY, Lane.RESOLVE)),
    Parser("open orders", "inquire-psbl-rvsecncl", lambda c: c.broker().open_orders(Side.BUY, Lane.RESOLVE)),
    Parser("profit by day", "inquire-period-profit", lambda c: c.broker().profits_by_day(DAY, DAY, Lane.SCAN)),
    Parser(
        "profit by stock", "inquire-period-trade-profit", lambda c: c.broker().profits_by_stock(DAY, DAY, Lane.SCAN)
    ),
    Parser("profit today", "inquire-balance-rlz-pl", lambda c: c.broker().profit_today(Lane.SCAN)),
    Parser("token", "tokenP", lambda c: TokenKeeper(c.wire(), c.budget, c.tokens()).token()),
    Parser("approval", "Approval", lambda c: ApprovalKeeper(c.wire(), c.budget, c.tokens()).key()),
    Parser("buy", "order-cash", lambda c: c.broker().submit(an_intent(Side.BUY), Lane.ENTRY), is_order=True),
    Parser("sell", "order-cash", lambda c: _paper(c).submit(an_intent(Side.SELL), Lane.EXIT), is_order=True),
    Parser("cancel", "order-rvsecncl", lambda c: c.broker().cancel(_REF, an_intent(), Lane.EXIT), is_order=True),
)
LOGINS: Final = frozenset({"tokenP", "Approval"})


class _Recorder(httpx.AsyncBaseTransport):
    """Passes requests on to a simulator and keeps the last answer of each path."""

    def __init__(self) -> None:
        settings = SimulationSettings(
            clock=ManualClock(TEN),
            calendar=krx_calendar(2025, 2027),
            environment=REAL,
            rate_limit=0,
            token_interval=0,
        )
        self.simulation = create_simulation(settings)
        self._inside = httpx.ASGITransport(create_app(self.simulation))
        self.answers: dict[str, Any] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._inside.handle_async_request(request)
        content = await response.aread()
        self.answers[request.url.path.rsplit("/", 1)[-1]] = json.loads(content)
        return httpx.Response(response.status_code, headers=response.headers, content=content)


async def real_shaped_replies() -> dict[str, Any]:
    """Return a complete reply of the simulator for every path, from an account with trades and an open order."""
    recorder = _Recorder()
    caller = Caller(recorder, has_token=False)
    broker = KisBroker(a_connection(), caller.budget, caller.tokens(), recorder.simulation.market_now, recorder)
    for side, price in ((Side.BUY, None), (Side.SELL, None), (Side.BUY, None), (Side.BUY, 200_000)):
        await broker.submit(an_intent(side, price, 10), Lane.EXIT)
        recorder.simulation.move_clock(recorder.simulation.market_now() + timedelta(seconds=60))
    reference = await broker.daily_reference(SAMSUNG, DAY, Lane.SCAN)
    resting = an_intent(Side.BUY, reference.limits.lower, 10)
    placed = await broker.submit(resting, Lane.ENTRY)
    for parser in PARSERS:
        if not parser.is_order and parser.label not in LOGINS:
            await parser.act(Caller(recorder))
    await broker.cancel(getattr(placed, "ref", _REF), resting, Lane.EXIT)
    await ApprovalKeeper(Wire(a_connection(), recorder), caller.budget, caller.tokens()).key()
    missing = {parser.label for parser in PARSERS} - recorder.answers.keys()
    if missing:
        raise LookupError(f"the simulator was not asked for {', '.join(sorted(missing))}")
    end = (market_now() + timedelta(hours=24)).astimezone(KST)
    recorder.answers["tokenP"]["access_token_token_expired"] = f"{end:%Y-%m-%d %H:%M:%S}"
    return recorder.answers
