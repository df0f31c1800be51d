"""One simulated broker: engine, clock and journal. Every change of the books is a command."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from simulator.call_counter import CallCounter
from simulator.clock import ManualClock, MarketClock, changed_clock, clock_to_json, market_text, steady
from simulator.day_path import Edit
from simulator.engine import Engine
from simulator.exchange import Exchange
from simulator.faults import FaultKind, FaultRule, Faults
from simulator.hardships import standing
from simulator.journal import Journal, JournalError, Record
from simulator.krx.units import Market, Price, Symbol, TradingFlag, Won
from simulator.liquidity import Liquidity, MakeLiquidity
from simulator.listings import LISTINGS, added_listing, first_listings
from simulator.order_json import change_from_json, change_to_json, order_from_json, order_to_json, way_from_json
from simulator.orders import AccountId, ChangeRequest, Order, OrderRequest
from simulator.routing import Route, Routes
from simulator.services import AccountOwners, Service, services_of
from simulator.settings import SimulationSettings
from simulator.tokens import Token
from simulator.underway import STRAIGHT, Way

_UNSAID = {"listings": len(LISTINGS), "added": [], "interruptions": False, "bars": ""}
"""Settings that are absent from older journals."""


class Simulation:
    """The handle shared by HTTP, control API and in-process tests. Instants are aware UTC."""

    def __init__(self, settings: SimulationSettings, liquidity: MakeLiquidity = Liquidity) -> None:
        self.settings = settings
        self.exchange = Exchange(
            settings.seed,
            settings.calendar,
            [*first_listings(settings.listings).values(), *map(added_listing, settings.added)],
            interrupts=settings.interruptions,
            recording=settings.recording,
        )
        self.engine = Engine(self.exchange, Won(settings.opening_cash), liquidity)
        self.services = services_of(settings)
        self.service = self.services[settings.environment]
        self.tokens, self.calls = self.service.tokens, self.service.calls
        self.ledger_calls = CallCounter(settings.ledger_limit)
        self.owners = AccountOwners()
        self.faults = Faults()
        self.routes = Routes()
        self.changes = 0
        self._journal = Journal(settings.journal) if settings.journal else None
        self._commands: dict[str, Callable[[Any, datetime], Any]] = {
            "begin": self._apply_begin,
            "order": self._apply_order,
            "change": self._apply_change,
            "route": self.routes.apply,
            "price": self._apply_price,
            "symbol": self._apply_symbol,
            "breaker": self._apply_breaker,
            "action": self._apply_action,
            "clock": self._apply_clock,
            "fault": self._apply_fault,
            "faults_cleared": self._apply_faults_cleared,
            "faults_hit": self._apply_faults_hit,
            "fills_hidden": self._apply_fills_hidden,
            "token": self._apply_token,
            "revoke": self._apply_revoke,
            "account": self._apply_account,
        }
        is_new = not self._replay()
        if is_new and self._journal:
            self._journal.append(_record("begin", self._market_time(), beginning(settings), None))
        self._read_market_time = steady(self._market_time)
        for rule in standing(settings.harsh) if is_new else ():
            self.add_fault(**rule)
        self.exchange.check_start(self.market_now())

    def real_now(self) -> datetime:
        """Return the real instant."""
        return self.settings.now()

    def market_now(self) -> datetime:
        """Return the market instant."""
        return self._read_market_time()

    @property
    def speed(self) -> int:
        """Return market seconds per real second; 1 for a manual clock."""
        return self.settings.clock.speed if isinstance(self.settings.clock, MarketClock) else 1

    @property
    def clock_offset(self) -> timedelta:
        """Return by how much (real time) the broker's own clock is off; zero without such a fault."""
        rule = self.faults.standing(FaultKind.CLOCK_OFF, market_text(self.market_now()))
        return timedelta(seconds=rule.seconds if rule else 0.0)

    def advance(self) -> datetime:
        """Match everything that is due and return the market instant."""
        at = self.market_now()
        self.engine.advance(at)
        return at

    def place_order(self, request: OrderRequest, *, by_hand: bool = False, way: Way = STRAIGHT) -> Order:
        """Accept an order or raise ``OrderRefusedError``; ``way`` is how it reaches the exchange."""
        order: Order = self._do("order", {**order_to_json(request), "by_hand": by_hand, **way.to_json()})
        return order

    def change_order(self, request: ChangeRequest, way: Way = STRAIGHT) -> Order:
        """Amend or cancel an order or raise ``OrderRefusedError``."""
        order: Order = self._do("change", {**change_to_json(request), **way.to_json()})
        return order

    def note_route(self, order: Order, route: Route) -> None:
        """Keep the route of an order that did not go to KRX directly."""
        self._do("route", self.routes.to_json(order, route))

    def force_price(self, symbol: str, price: int | None, **path: Any) -> None:
        """Jump to a price (won) now; None resumes the seeded path. ``path`` takes the other fields of ``Edit``."""
        self._do("price", {"symbol": symbol, "price": price, **path})

    def set_conditions(self, symbol: str, **conditions: Any) -> None:
        """Set halted, interrupted, thin, no_bids, no_asks (booleans) or flags (names) of a stock."""
        self._do("symbol", {"symbol": symbol, **conditions})

    def break_circuit(self, stage: int, market: str | None = None) -> None:
        """Trigger a circuit breaker's stage (1 to 3) on ``kospi``, ``kosdaq`` or both (None)."""
        self._do("breaker", {"stage": stage, "market": market})

    def act_overnight(self, symbol: str, ratio: float, *, rights: bool = False, halted: bool = False) -> None:
        """Split a stock (new shares per old one), or take rights off its price; ``halted`` stops it as well."""
        self._do("action", {"symbol": symbol, "ratio": ratio, "rights": rights})
        if halted:
            self.set_conditions(symbol, halted=True)

    def move_clock(self, instant: datetime | None = None, speed: int | None = None) -> None:
        """Jump to a later market instant (None = stay) and run at a speed from there (None = as before, 0 = stop)."""
        to = instant and instant.astimezone(UTC).isoformat()
        pace = clock_to_json(self.settings.clock)["speed"] if speed is None else speed
        self._do("clock", {"to": to, "speed": pace, "real": self.real_now().isoformat()})

    def add_fault(self, **rule: Any) -> FaultRule:
        """Add a fault rule, with the fields of ``POST /control/faults``."""
        added: FaultRule = self._do("fault", rule)
        return added

    def clear_faults(self) -> None:
        """Remove all fault rules."""
        self._do("faults_cleared", {})

    def note_faults(self) -> None:
        """Record the hits of all rules in the journal."""
        self._do("faults_hit", {"states": self.faults.states()})

    def note_hidden_fills(self, account: AccountId, shares: Mapping[str, int]) -> None:
        """Record how many filled shares of each order a fault hides from a list. The maximum counts."""
        if any(shares.get(order.number, 0) > order.hidden for order in self.engine.account(account).orders):
            self._do("fills_hidden", {"account": list(account), "shares": dict(shares)})

    def service_that_knows(self, app_key: str) -> Service | None:
        """Return the service at which an app key has been used, or None."""
        return next((service for service in self.services.values() if service.tokens.knows(app_key)), None)

    def issue_token(self, app_key: str, secret: str, environment: str = "") -> Token:
        """Issue an access token of a service (blank = the main one) or raise ``TokenRefusedError``."""
        now, environment = self.real_now(), environment or self.service.environment
        token = self.services[environment].tokens.issue(app_key, secret, now)
        if token.issued_at == now:
            self._do("token", {"app_key": app_key, "issued_at": now.isoformat(), "environment": environment})
        return token

    def revoke_token(self, text: str, environment: str = "") -> bool:
        """Revoke a token and return whether it was known."""
        values = {"token": text, "environment": environment or self.service.environment}
        known: bool = self._do("revoke", values)
        return known

    def use_account(self, account: AccountId, environment: str, app_key: str) -> bool:
        """Bind an account to an app key of a service; return False if it belongs to the other service."""
        allowed = self.settings.allowed
        if not self.owners.may_use(account, environment) or (allowed and not allowed.takes(account)):
            return False
        if self.owners.is_new(account, app_key):
            self._do("account", {"account": list(account), "environment": environment, "app_key": app_key})
        return True

    def look_at(self, symbol: Symbol) -> None:
        """Precompute a stock's paths of today and the previous session, so that later reads are fast."""
        seen = self.exchange.snapshot(symbol, self.market_now())
        self.exchange.previous_day(symbol, seen.session)

    def close(self) -> None:
        """Close the journal."""
        if self._journal:
            self._journal.close()

    def _market_time(self) -> datetime:
        clock = self.settings.clock
        return clock.market_time(self.real_now()) if isinstance(clock, MarketClock) else clock.market_time

    def _do(self, kind: str, values: Mapping[str, Any]) -> Any:
        at = self.market_now()
        self.engine.advance(at)
        result = self._commands[kind](values, at)
        self.changes += 1
        if self._journal:
            self._journal.append(_record(kind, at, values, result))
        return result

    def _replay(self) -> int:
        """Replay all journaled commands and return their number."""
        count = 0
        for record in self._journal.read() if self._journal else ():
            self._redo(record)
            count += 1
        return count

    def _redo(self, record: Record) -> None:
        at = datetime.fromisoformat(record["at"])
        self.engine.advance(at)
        result = self._commands[record["kind"]](record["values"], at)
        if _trace(result) != record["result"] and self._journal is not None:
            raise JournalError(
                f"{self._journal.path} was written by another version or with other settings "
                f"({record['kind']} at {at.isoformat()} gives {_trace(result)}, not {record['result']}); "
                f"start with the settings of that time, or move the file away to start with fresh books"
            )

    def _apply_begin(self, values: Mapping[str, Any], _: datetime) -> None:
        clock = self.settings.clock
        if isinstance(clock, ManualClock):
            clock.market_time = datetime.fromisoformat(values["clock"]["market_anchor"])
        here = beginning(self.settings)
        kept = {**_UNSAID, **values}
        differing = [name for name in here if here[name] != kept[name]]
        if differing and self._journal:
            raise SettingsMismatchError(self._journal.path, {name: (kept[name], here[name]) for name in differing})

    def _apply_order(self, values: Mapping[str, Any], at: datetime) -> Order:
        return self.engine.place(order_from_json(values), at, by_hand=values["by_hand"], way=way_from_json(values))

    def _apply_change(self, values: Mapping[str, Any], at: datetime) -> Order:
        return self.engine.change(change_from_json(values), at, way_from_json(values))

    def _apply_price(self, values: Mapping[str, Any], at: datetime) -> None:
        symbol = Symbol(values["symbol"])
        price = None if values["price"] is None else Price(values["price"])
        path = {name: values[name] for name in ("drift", "natural", "volume", "vi") if name in values}
        self.exchange.edit(symbol, at, Edit(0, price, **path))
        self.engine.rematch(symbol, at)

    def _apply_symbol(self, values: Mapping[str, Any], at: datetime) -> None:
        symbol = Symbol(values["symbol"])
        conditions = self.exchange.conditions[symbol]
        was_frozen = conditions.frozen
        for name in ("halted", "interrupted", "thin", "no_bids", "no_asks"):
            setattr(conditions, name, bool(values.get(name, getattr(conditions, name))))
        conditions.split = float(values.get("split", conditions.split))
        if "flags" in values:
            conditions.flags = frozenset(TradingFlag(flag) for flag in values["flags"])
        if conditions.frozen and not was_frozen:
            self.exchange.freeze(symbol, at)
        if was_frozen and not conditions.frozen:
            self.exchange.resume(symbol, at)
            self.engine.rematch(symbol, at)

    def _apply_breaker(self, values: Mapping[str, Any], at: datetime) -> None:
        self.exchange.break_circuit(at, values["stage"], Market(values["market"]) if values["market"] else None)

    def _apply_action(self, values: Mapping[str, Any], at: datetime) -> None:
        symbol, ratio = Symbol(values["symbol"]), float(values["ratio"])
        self.exchange.restate(symbol, at, ratio)
        if not values["rights"]:
            self.engine.restate(symbol, ratio)

    def _apply_clock(self, values: Mapping[str, Any], at: datetime) -> None:
        clock = changed_clock(self.settings.clock, values, at)
        self.settings = replace(self.settings, clock=clock)
        self.engine.advance(datetime.fromisoformat(values["to"] or at.isoformat()))

    def _apply_fault(self, values: Mapping[str, Any], at: datetime) -> FaultRule:
        rule = self.faults.add(values)
        if rule.kind is FaultKind.STUCK_QUOTES and not rule.since:
            rule.since = market_text(at)
        return rule

    def _apply_faults_cleared(self, _: Mapping[str, Any], __: datetime) -> None:
        self.faults.clear()

    def _apply_faults_hit(self, values: Mapping[str, Any], _: datetime) -> None:
        self.faults.restore(values["states"])

    def _apply_fills_hidden(self, values: Mapping[str, Any], _: datetime) -> None:
        for order in self.engine.account(AccountId(*values["account"])).orders:
            order.hidden = max(order.hidden, values["shares"].get(order.number, 0))

    def _apply_token(self, values: Mapping[str, Any], _: datetime) -> None:
        tokens = self._service_of(values).tokens
        tokens.restore(values["app_key"], datetime.fromisoformat(values["issued_at"]))

    def _apply_revoke(self, values: Mapping[str, Any], _: datetime) -> bool:
        return self._service_of(values).tokens.revoke(values["token"])

    def _apply_account(self, values: Mapping[str, Any], _: datetime) -> None:
        self.owners.claim(AccountId(*values["account"]), values["environment"], values["app_key"])

    def _service_of(self, values: Mapping[str, Any]) -> Service:
        """Return the service of a record. Older journals have only one."""
        return self.services[values.get("environment", self.service.environment)]


class SettingsMismatchError(Exception):
    """The journal belongs to a simulation with other settings."""

    def __init__(self, path: Path, differing: Mapping[str, tuple[object, object]]) -> None:
        said = ", ".join(f"{name} {kept} (asked for: {asked})" for name, (kept, asked) in differing.items())
        super().__init__(f"{path} belongs to a simulation with {said}; leave these settings out or use another --data")


def beginning(settings: SimulationSettings) -> dict[str, Any]:
    """Return the settings that the books depend on, as kept in the journal's first record."""
    return {
        "seed": settings.seed,
        "environment": settings.environment,
        "opening_cash": settings.opening_cash,
        "listings": settings.listings,
        "added": list(settings.added),
        "interruptions": settings.interruptions,
        "bars": settings.recording.digest if settings.recording else "",
        "clock": clock_to_json(settings.clock),
    }


def _record(kind: str, at: datetime, values: Mapping[str, Any], result: object) -> dict[str, Any]:
    return {"kind": kind, "at": at.isoformat(), "values": values, "result": _trace(result)}


def _trace(result: object) -> str:
    return result.number if isinstance(result, Order) else ""
