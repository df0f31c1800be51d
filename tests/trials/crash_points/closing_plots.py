"""Days that the close must end by itself: the workers have left shares, open sales or open entries."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

import httpx

from domain.market import Side, Symbol
from domain.money import Rate, Won
from domain.rules import ExitRules, RiskRules, StrategyRules, TradingRules, UniverseRules
from simulator.app import create_app
from simulator.clock import utc_now
from simulator.simulation import Simulation
from tests.support.stepping import RULES, a_simulation, broker_account, kst
from tests.trials.crash_points.market import NEVER_ARRIVED, REJECTED, REPLY_LOST, SERVER_ERROR, STARTS_AT

STOCKS: Final = tuple(Symbol(code) for code in ("034020", "005930", "012330"))
LEAVES_AT: Final = "15:10"
_EARLY: Final = "14:51"
"""While an entry of 14:50 is still unfilled."""
_NEVER_BY_A_RULE: Final = ExitRules(
    stop_loss=Rate("0.29"),
    take_profit=Rate("0.29"),
    trailing_start=Rate("0.29"),
    trend_break=Rate("0.29"),
    longest_holding=timedelta(hours=6),
)
_SENT: Final = "submit_order: after POST order-cash"
_NEW_SALE: Final = "TTTC0011U"
_NEW_BUY: Final = "TTTC0012U"


class Left(StrEnum):
    """How a worker's workflow leaves its position to the close."""

    GONE = "gone"
    STUCK = "stuck"


@dataclass(frozen=True, slots=True)
class ClosingPlot:
    """What the workers leave, how they leave it, and how the broker answers the close's requests.

    ``unwanted``: how many sales of each stock find no bid until their cancel is requested; ``buyers_at``: when the
    first buyer comes; ``opening``: the last stock's entry finds no seller before this time, or before its cancel is
    requested; ``returns_at``: when stuck workers continue. Times are of the day, in Korean time.
    """

    name: str
    left: Left = Left.GONE
    leaves_at: str = LEAVES_AT
    stocks: int = 2
    unwanted: int = 0
    buyers_at: str = ""
    opening: str = ""
    starts_at: str = STARTS_AT
    evening: bool = False
    """Whether the rules allow selling in the after-market."""
    returns_at: str = ""
    is_watched: bool = False
    """Whether the market watch goes on when the workers are gone; otherwise it ends with them, as if no host ran."""
    fault: Mapping[str, Any] = field(default_factory=dict)
    dies: str = _SENT
    """The crossing at which the process dies when each plot has only one death."""

    def rules_of(self, stock: int) -> TradingRules:
        """Return the rules of a stock's worker: one trade, which no exit rule ends."""
        patience = timedelta(minutes=2) if self.is_opening(stock) else RULES.execution.entry_timeout
        return replace(
            RULES,
            universe=UniverseRules(ranking_size=0, symbols=(STOCKS[stock],)),
            strategy=StrategyRules(names=("volatility_breakout",)),
            exits=_NEVER_BY_A_RULE,
            risk=RiskRules(symbol_cooldown=timedelta(hours=6), capital_per_trade=Won(1_000_000)),
            execution=replace(RULES.execution, entry_timeout=patience, after_market=self.evening),
        )

    def is_opening(self, stock: int) -> bool:
        """Return whether this stock's entry is still open when its worker leaves."""
        return bool(self.opening) and stock == self.stocks - 1

    @property
    def symbols(self) -> tuple[Symbol, ...]:
        """Return the stocks that are traded."""
        return STOCKS[: self.stocks]


WHEN_CANCELLED: Final = "when cancelled"
_CANCEL: Final = {"path": "order-rvsecncl"}
SALE: Final = {"path": "order-cash", "side": "sell"}

_UNSENT: Final = "submit_order: before POST order-cash"
_INTERIM: Final = "write_summaries: before insert daily_summaries"
_ASKED: Final = "cancel_order: after POST order-rvsecncl"

CLOSING_PLOTS: Final = (
    ClosingPlot("three left, sold at once", stocks=3, dies="seize_position: after insert stock_locks"),
    ClosingPlot("sale rejected", fault={**SALE, **REJECTED.fault}, dies="submit_order: after update orders"),
    ClosingPlot("sale error after", stocks=1, fault={**SALE, **SERVER_ERROR.fault}),
    ClosingPlot(
        "sale reply lost", fault={**SALE, **REPLY_LOST.fault}, dies="resolve_order: before update orders+insert events"
    ),
    ClosingPlot("sale never arrived", stocks=1, fault={**SALE, **NEVER_ARRIVED.fault}, dies=_UNSENT),
    ClosingPlot("worked", stocks=1, unwanted=1, dies=_ASKED),
    ClosingPlot("worked to market", stocks=1, unwanted=2, dies="cancel_order: before POST order-rvsecncl"),
    ClosingPlot("no buyer before the auction", stocks=1, buyers_at="15:21", dies="prepare_exit: before insert orders"),
    ClosingPlot("no buyer before the evening", stocks=1, buyers_at="15:45", dies=_SENT),
    ClosingPlot("market sale of the worker still open", leaves_at="15:15:15", stocks=1, buyers_at="15:45", dies=_SENT),
    ClosingPlot(
        "no buyer, stuck, back in the evening", Left.STUCK, "15:15:15", 1, buyers_at="15:45", returns_at="15:35"
    ),
    ClosingPlot("no buyer before the after-market", stocks=1, buyers_at="16:30", evening=True, dies=_INTERIM),
    *(
        ClosingPlot(f"worked, cancel {each.name}", stocks=1, unwanted=1, fault={**_CANCEL, **each.fault}, dies=_ASKED)
        for each in (REJECTED, REPLY_LOST, NEVER_ARRIVED)
    ),
    ClosingPlot("sale of the worker still open", leaves_at="15:15:02", stocks=1, unwanted=1, dies=_ASKED),
    ClosingPlot("stuck, back while the close sells", Left.STUCK, stocks=1, unwanted=1, returns_at="15:15:24"),
    ClosingPlot("stuck, back after the sale", Left.STUCK, stocks=1, returns_at="15:22", dies=_SENT),
    ClosingPlot("entry open, never filled", leaves_at=_EARLY, opening="16:00", dies=_ASKED),
    ClosingPlot("entry open, filled as the close begins", leaves_at=_EARLY, opening="15:15:05"),
    ClosingPlot("entry open, filled when cancelled", leaves_at=_EARLY, opening=WHEN_CANCELLED, dies=_ASKED),
    ClosingPlot("nothing but an open entry", leaves_at=_EARLY, stocks=1, opening="15:21", dies=_ASKED),
    ClosingPlot("stuck with an open entry", Left.STUCK, _EARLY, 1, opening=WHEN_CANCELLED, returns_at="15:17"),
)


def an_evening_market(plot: ClosingPlot, market_now: Callable[[], datetime]) -> Simulation:
    """Return an exchange on which each stock has just broken out and keeps its price.

    The clock of the access tokens runs with the market's, here as in the client: a night and a day outlast a token.
    """
    began = market_now()
    simulation = a_simulation(plot.starts_at, now=lambda: utc_now() + (market_now() - began))
    for symbol in plot.symbols:
        seen = simulation.exchange.snapshot(symbol, simulation.market_now())
        before = simulation.exchange.previous_day(symbol, seen.session)
        target = seen.totals.open_price + (before.high_price - before.low_price) * 0.5
        simulation.force_price(symbol, round(target * 1.004))
    return simulation


class EveningStreet(httpx.AsyncBaseTransport):
    """The transport to the exchange, and the other traders on it, whose offers the plot defines."""

    def __init__(self, simulation: Simulation, plot: ClosingPlot, now: Callable[[], datetime]) -> None:
        self.simulation = simulation
        self._plot = plot
        self._now = now
        self._inside = httpx.ASGITransport(create_app(simulation))
        self._cancelled = dict.fromkeys(plot.symbols, 0)
        self._waits = plot.opening not in ("", WHEN_CANCELLED)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Let the market reach the present, then pass the request on."""
        instant = self._now()
        if self._waits and instant >= kst(f"2026-11-23 {self._plot.opening}"):
            self._somebody_sells()
        if self._plot.buyers_at and instant >= kst(f"2026-11-23 {self._plot.buyers_at}"):
            for symbol in self._plot.symbols:
                self.simulation.set_conditions(symbol, no_bids=False)
        if instant > self.simulation.market_now():
            self.simulation.move_clock(instant)
        path = request.url.path.rsplit("/", 1)[-1]
        if path == "order-cash":
            self._play_order(request.headers["tr_id"], httpx.Response(200, content=request.content).json()["PDNO"])
        elif path == "order-rvsecncl":
            self._play_cancel(httpx.Response(200, content=request.content).json()["ORGN_ODNO"])
        return await self._inside.handle_async_request(request)

    def _play_order(self, tr_id: str, symbol: Symbol) -> None:
        waits = self._now() < kst(f"2026-11-23 {self._plot.buyers_at or '00:00'}")
        if tr_id == _NEW_SALE and (waits or self._cancelled[symbol] < self._plot.unwanted):
            self.simulation.set_conditions(symbol, no_bids=True)
        if tr_id == _NEW_BUY and self._plot.opening and symbol == self._plot.symbols[-1]:
            self.simulation.set_conditions(symbol, no_asks=True)

    def _play_cancel(self, number: str) -> None:
        order = next(each for each in broker_account(self.simulation).orders if each.number == number)
        if order.side == Side.BUY.value:
            if self._plot.opening == WHEN_CANCELLED:
                self._somebody_sells()
            return
        self._cancelled[Symbol(order.symbol)] += 1
        if self._cancelled[Symbol(order.symbol)] >= self._plot.unwanted and not self._plot.buyers_at:
            self.simulation.set_conditions(order.symbol, no_bids=False)

    def _somebody_sells(self) -> None:
        self._waits = False
        symbol = self._plot.symbols[-1]
        self.simulation.set_conditions(symbol, no_asks=False)
        self.simulation.engine.rematch(symbol, self.simulation.market_now())
