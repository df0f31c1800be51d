"""How the troubles of a plan affect the simulated exchange, and how they end."""

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from domain.identity import SIMULATED_ACCOUNT
from domain.market import Side, Symbol, TradingFlag
from domain.money import Price, Quantity
from simulator.clock import market_text, utc_now
from simulator.hardships import rules_of
from simulator.listings import LISTINGS
from simulator.order_types import OrderType
from simulator.orders import Account, AccountId, OrderRequest
from simulator.refusals import OrderRefusedError
from simulator.simulation import Simulation
from tests.support.stepping import a_simulation
from tests.trials.closing_days.plan import OPENING_CASH, DayPlan, Happening, Trouble

_ACCOUNT: Final = AccountId(*SIMULATED_ACCOUNT.split("-"))
_CONDITIONS: Final[Mapping[Trouble, Mapping[str, Any]]] = {
    Trouble.THIN: {"thin": True},
    Trouble.NO_BIDS: {"no_bids": True},
    Trouble.HALT: {"halted": True},
    Trouble.NO_MARKET_ORDERS: {"flags": [TradingFlag.OVERHEATED.value]},
}
_LIFTED: Final[Mapping[str, Any]] = {"thin": False, "no_bids": False, "halted": False, "flags": list[str]()}
_OWNERS_ORDER: Final = Quantity(7)
_FELL: Final = 0.88
"""Below the static bound of a volatility interruption."""


@dataclass
class World:
    """The exchange of one day."""

    plan: DayPlan
    simulation: Simulation = field(init=False)
    before_the_lock: dict[Symbol, Price] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Open the exchange at the day's start with all the day's stocks breaking out."""
        plan = self.plan
        starts_at = market_text(plan.starts_at)
        self.simulation = a_simulation(starts_at, opening_cash=OPENING_CASH, now=self._real_now)
        for symbol, drift in zip(plan.symbols, plan.drifts, strict=True):
            self._break_out(symbol, drift)
        for hard in plan.hardships:
            period = {"since": market_text(hard.since), "until": market_text(hard.until)}
            for rule in rules_of(hard.kind, hard.size):
                self.simulation.add_fault(**{**rule, **period})

    def _real_now(self) -> datetime:
        """Return the clock of the access tokens; it runs with the market's."""
        return utc_now() + (self.simulation.market_now() - self.plan.starts_at)

    @property
    def account(self) -> Account:
        """Return the account from the broker's own books."""
        return self.simulation.engine.account(_ACCOUNT)

    def holds(self, symbols: Container[Symbol]) -> bool:
        """Return whether the broker holds a share of any of these stocks."""
        return any(each.quantity for symbol, each in self.account.holdings.items() if symbol in symbols)

    def moves_to(self, at: datetime) -> None:
        """Let the market reach an instant."""
        if at > self.simulation.market_now():
            self.simulation.move_clock(at)

    def moments(self, happening: Happening) -> list[datetime]:
        """Return the instants at which a trouble requires an action."""
        again = self.plan.session.ends_at + timedelta(minutes=30, seconds=1)
        if happening.kind is Trouble.LIMIT_LOCK and happening.until > again:
            return [happening.since, again, happening.until]
        return [happening.since] if happening.since == happening.until else [happening.since, happening.until]

    def act(self, happening: Happening, at: datetime) -> None:
        """Start, continue or end a trouble at one of its instants."""
        self.moves_to(at)
        if at < happening.until or happening.since == happening.until:
            self._begin(happening)
        else:
            self._end(happening)

    def _begin(self, happening: Happening) -> None:
        symbol = happening.symbol
        match happening.kind:
            case Trouble.LIMIT_LOCK:
                self._lock(symbol)
            case Trouble.INTERRUPTION:
                self.simulation.force_price(symbol, round(self._price(symbol) * _FELL), vi=True)
            case Trouble.BREAKER:
                self.simulation.break_circuit(1)
            case Trouble.DAY_ENDED:
                self.simulation.break_circuit(3)
            case Trouble.OWNER_ELSEWHERE | Trouble.OWNER_BESIDE | Trouble.OWNER_SELLS_OURS:
                self._owner_trades(happening)
            case Trouble.REPLY_LOST | Trouble.CANCEL_LOST | Trouble.LISTED_LATE | Trouble.ODD_ROWS:
                self._spoil(happening)
            case conditions:
                self.simulation.set_conditions(symbol, **_CONDITIONS[conditions])

    def _end(self, happening: Happening) -> None:
        if happening.kind is Trouble.LIMIT_LOCK:
            self._unlock(happening.symbol)
        elif happening.kind in _CONDITIONS:
            lifted = {name: _LIFTED[name] for name in _CONDITIONS[happening.kind]}
            self.simulation.set_conditions(happening.symbol, **lifted)

    def _break_out(self, symbol: Symbol, drift: float) -> None:
        seen = self.simulation.exchange.snapshot(symbol, self.simulation.market_now())
        before = self.simulation.exchange.previous_day(symbol, seen.session)
        target = seen.totals.open_price + (before.high_price - before.low_price) * 0.5
        self.simulation.force_price(symbol, round(target * 1.004), drift=drift)

    def _price(self, symbol: Symbol) -> Price:
        return Price(self.simulation.exchange.snapshot(symbol, self.simulation.market_now()).price)

    def _lock(self, symbol: Symbol) -> None:
        seen = self.simulation.exchange.snapshot(symbol, self.simulation.market_now())
        self.before_the_lock.setdefault(symbol, Price(seen.price))
        self.simulation.force_price(symbol, seen.limits.lower)

    def _unlock(self, symbol: Symbol) -> None:
        """Release the price from its limit; after the close and overnight it moves on its own."""
        session, now = self.plan.session, self.simulation.market_now()
        if now < session.ends_at or session.ends_at + timedelta(minutes=30) < now < self.plan.evening_ends_at:
            self.simulation.force_price(symbol, self.before_the_lock[symbol])

    def _owner_trades(self, happening: Happening) -> None:
        symbol, side, quantity = happening.symbol, Side.BUY, _OWNERS_ORDER
        if happening.kind is Trouble.OWNER_ELSEWHERE:
            symbol = next(Symbol(each) for each in LISTINGS if each not in self.plan.symbols)
        if happening.kind is Trouble.OWNER_SELLS_OURS:
            side, quantity = Side.SELL, Quantity(self.account.sellable(symbol) // 2)
        kind = OrderType.MARKET_IOC
        try:
            self.simulation.place_order(OrderRequest(_ACCOUNT, symbol, side, kind, quantity, Price(0)), by_hand=True)
        except OrderRefusedError:
            return  # the owner is refused, as we would be

    def _spoil(self, happening: Happening) -> None:
        until = market_text(happening.until)
        if happening.kind is Trouble.ODD_ROWS:
            for path in ("inquire-daily-ccld", "inquire-psbl-rvsecncl", "inquire-balance"):
                fields = {"pdno": "Q530031", "odno": "0000099999", "rmn_qty": "", "hldg_qty": ""}
                self.simulation.add_fault(kind="extra_row", path=path, fields=fields, count=0, until=until)
            return
        fault: Mapping[str, Any] = {
            Trouble.REPLY_LOST: {"kind": "drop_reply_after", "path": "order-cash", "side": "sell", "count": 2},
            Trouble.CANCEL_LOST: {"kind": "drop_reply_after", "path": "order-rvsecncl", "count": 2},
            Trouble.LISTED_LATE: {"kind": "lag_orders", "path": "inquire-daily-ccld", "seconds": 15, "count": 0},
        }[happening.kind]
        self.simulation.add_fault(**fault, until=until)
