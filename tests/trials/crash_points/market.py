"""A scripted market, so that a day with a death in it has the same prices as the day without."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

import httpx

from domain.market import Symbol
from domain.money import Won
from domain.rules import RiskRules, StrategyRules, TradingRules, UniverseRules
from simulator.app import create_app
from simulator.simulation import Simulation
from tests.support.stepping import RULES, a_simulation, kst

SYMBOL: Final = Symbol("034020")
STARTS_AT: Final = "2026-11-23 14:50"
_OPENED_AT: Final = "2026-11-23 09:00"
LOSES: Final = -0.00004
"""0.84 s at the time of the entry. Stamps are whole seconds; two seconds are allowed where no reply shows a date."""
GAINS: Final = 0.002
"""Three quarters of a minute by the afternoon."""
DAY_RULES: Final = replace(
    RULES,
    universe=UniverseRules(ranking_size=0, symbols=(SYMBOL,)),
    strategy=StrategyRules(names=("volatility_breakout",)),
    risk=RiskRules(symbol_cooldown=timedelta(hours=6)),
)
"""One stock and one trade a day: after one attempt the symbol is on cooldown for the remaining hours."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The broker's answer to one request: the injected fault, if any."""

    name: str
    fault: Mapping[str, Any] = field(default_factory=dict)


ACCEPTED: Final = Answer("accepted")
REJECTED: Final = Answer(
    "rejected", {"kind": "refuse", "msg_cd": "APBK0919", "message": "장운영일자가 주문일과 상이합니다"}
)
ALWAYS_REJECTED: Final = Answer("always rejected", {**REJECTED.fault, "count": 0})
REPLY_LOST: Final = Answer("reply lost", {"kind": "drop_reply_after"})
SERVER_ERROR: Final = Answer("error after", {"kind": "error_after"})
NEVER_ARRIVED: Final = Answer("never arrived", {"kind": "drop_before"})

REQUESTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "entry": {"path": "order-cash", "side": "buy"},
    "exit": {"path": "order-cash", "side": "sell"},
    "cancel": {"path": "order-rvsecncl"},
    "second cancel": {"path": "order-rvsecncl", "skip": 1},
}


@dataclass(frozen=True, slots=True)
class Plot:
    """A trade cycle: whether its orders fill at once or must be worked, and the answer to one request."""

    worked: bool = False
    request: str = "entry"
    answer: Answer = ACCEPTED
    lags: bool = False
    """Whether the broker lists orders only 15 seconds after they were placed."""
    drift: float = 0.0
    """Fraction of the time since the open by which the exchange's clock gains on ours; below zero it loses."""

    @property
    def rules(self) -> TradingRules:
        """Return the rules of the day; a worked entry wants more shares than are on offer."""
        capital = Won(15_000_000) if self.worked else Won(1_000_000)
        return replace(DAY_RULES, risk=replace(DAY_RULES.risk, capital_per_trade=capital))

    @property
    def name(self) -> str:
        """Return the plot's name."""
        cycle = "worked" if self.worked else "plain"
        return f"{cycle} cycle, {self.request} {self.answer.name}" + ", listed late" * self.lags + self._clock

    @property
    def _clock(self) -> str:
        return f", the exchange's clock {'gains' if self.drift > 0 else 'loses'}" if self.drift else ""

    def exchange_time(self, ours: datetime) -> datetime:
        """Return the exchange's clock at an instant of ours."""
        return ours + (ours - kst(_OPENED_AT)) * self.drift


_LOST: Final = (REPLY_LOST, NEVER_ARRIVED)
PLOTS: Final = (
    Plot(),
    *(Plot(False, request, answer) for request in ("entry", "exit") for answer in (REJECTED, SERVER_ERROR, *_LOST)),
    Plot(worked=True),
    *(Plot(True, "entry", answer) for answer in _LOST),
    *(Plot(False, request, REPLY_LOST, lags=True) for request in ("entry", "exit")),
    *(Plot(False, "entry", REPLY_LOST, drift=drift) for drift in (LOSES, GAINS)),
    *(Plot(True, request, answer) for request in ("exit", "cancel", "second cancel") for answer in (REJECTED, *_LOST)),
)
"""Every answer to every order request, in a cycle that fills at once or in one that must be worked."""


def a_market(plot: Plot) -> Simulation:
    """Return an exchange on which the stock has just broken out and rises by a tenth within minutes."""
    simulation = a_simulation(plot.exchange_time(kst(STARTS_AT)).isoformat())
    seen = simulation.exchange.snapshot(SYMBOL, simulation.market_now())
    before = simulation.exchange.previous_day(SYMBOL, seen.session)
    target = seen.totals.open_price + (before.high_price - before.low_price) * 0.5
    simulation.force_price(SYMBOL, round(target * 1.004), drift=0.02, volume=0.0 if plot.worked else 1.0)
    simulation.set_conditions(SYMBOL, thin=plot.worked)
    if plot.answer.fault:
        simulation.add_fault(**{**REQUESTS[plot.request], **plot.answer.fault})
    if plot.lags:
        simulation.add_fault(kind="lag_orders", path="inquire-daily-ccld", seconds=15, count=0)
    return simulation


class Street(httpx.AsyncBaseTransport):
    """The transport to the exchange.

    In a worked plot there are no bids for the first sale until its cancel is requested, or until a later one goes at
    market, which is never cancelled.
    """

    def __init__(self, simulation: Simulation, plot: Plot, now: Callable[[], datetime]) -> None:
        self.simulation = simulation
        self._plot = plot
        self._now = now
        self._inside = httpx.ASGITransport(create_app(simulation))
        self._sold = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Let the market reach the present, then pass the request on."""
        instant = self._plot.exchange_time(self._now())
        if instant > self.simulation.market_now():
            self.simulation.move_clock(instant)
        if self._plot.worked:
            self._play(request)
        return await self._inside.handle_async_request(request)

    def _play(self, request: httpx.Request) -> None:
        if _is_sale(request) and not self._sold:
            self._sold = True
            self.simulation.set_conditions(SYMBOL, no_bids=True)
        elif self._sold and (request.url.path.endswith("order-rvsecncl") or _sells_at_market(request)):
            self.simulation.set_conditions(SYMBOL, no_bids=False, thin=False)


def _is_sale(request: httpx.Request) -> bool:
    return request.url.path.endswith("order-cash") and request.headers["tr_id"] == "TTTC0011U"


def _sells_at_market(request: httpx.Request) -> bool:
    return _is_sale(request) and json.loads(request.content)["ORD_DVSN"] == "01"
