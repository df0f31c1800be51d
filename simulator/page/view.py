"""What the control page shows: clock, some stocks, one book, one account, faults, and calls that are not served."""

from collections.abc import Mapping
from typing import Any, Final

from simulator.clock import clock_to_json
from simulator.exchange import Snapshot
from simulator.faults import FaultKind, StreamFault
from simulator.krx.sessions import in_seoul
from simulator.krx.units import Symbol
from simulator.orders import Account, Order
from simulator.quotes import flags_of, levels_of
from simulator.simulation import Simulation

_MOST_STOCKS: Final = 60
_MOST_ORDERS: Final = 100
_KINDS: Final = [kind.value for kinds in (FaultKind, StreamFault) for kind in kinds]


def view_of(simulation: Simulation, asked: Mapping[str, str]) -> dict[str, Any]:
    """Return the page's values; ``symbol``, ``account`` and ``search`` choose what they are of."""
    at = simulation.advance()
    exchange = simulation.exchange
    session = exchange.shown_session(at)
    found = _found(simulation, asked.get("search", ""))
    symbol = Symbol(asked.get("symbol", ""))
    if exchange.listing(symbol) is None:
        symbol = next(iter(found or exchange.tapes))
    accounts = {f"{each.id.number}-{each.id.product}": each for each in simulation.engine.accounts.values()}
    chosen = asked.get("account", "")
    shown = accounts.get(chosen) or next(iter(accounts.values()), None)
    return {
        "market_time": in_seoul(at).isoformat(),
        "speed": clock_to_json(simulation.settings.clock)["speed"],
        "session": session.date.isoformat(),
        "phase": session.phase_at(at).value,
        "environments": {name: service.calls.total for name, service in simulation.services.items()},
        "found": len(found),
        "stocks": [_stock(exchange.snapshot(each, at)) for each in found[:_MOST_STOCKS]],
        "stock": _book(simulation, exchange.snapshot(symbol, at)),
        "accounts": list(accounts),
        "account": _account(shown) if shown else None,
        "faults": [rule.to_json() for rule in simulation.faults.rules],
        "fault_kinds": _KINDS,
        "not_served": [kind for service in simulation.services.values() for kind in service.not_served.to_json()],
    }


def _found(simulation: Simulation, search: str) -> list[Symbol]:
    wanted = search.strip().lower()
    tapes = simulation.exchange.tapes
    return [symbol for symbol, tape in tapes.items() if wanted in f"{symbol} {tape.listing.name}".lower()]


def _stock(seen: Snapshot) -> dict[str, Any]:
    return {
        "symbol": seen.listing.symbol,
        "name": seen.listing.name,
        "price": seen.price,
        "change": seen.change,
        "base": seen.base,
        "volume": seen.totals.volume,
        "flags": sorted(flags_of(seen)),
    }


def _book(simulation: Simulation, seen: Snapshot) -> dict[str, Any]:
    asks, bids = levels_of(simulation, seen)
    conditions = seen.conditions
    return _stock(seen) | {
        "lower": seen.limits.lower,
        "upper": seen.limits.upper,
        "asks": asks,
        "bids": bids,
        "halted": conditions.halted,
        "interrupted": conditions.interrupted,
        "thin": conditions.thin,
    }


def _account(account: Account) -> dict[str, Any]:
    return {
        "id": f"{account.id.number}-{account.id.product}",
        "cash": account.cash,
        "free_cash": account.free_cash,
        "holdings": [
            {"symbol": held.symbol, "quantity": held.quantity, "cost": held.cost}
            for held in account.holdings.values()
            if held.quantity
        ],
        "orders": [_order(order) for order in reversed(account.orders[-_MOST_ORDERS:])],
        "order_count": len(account.orders),
    }


def _order(order: Order) -> dict[str, Any]:
    return {
        "at": in_seoul(order.placed_at).strftime("%m-%d %H:%M:%S"),
        "number": order.number,
        "symbol": order.symbol,
        "side": order.side.value,
        "action": order.action.value,
        "price": order.price,
        "quantity": order.quantity,
        "filled": order.filled,
        "remaining": order.remaining,
        "rejected": order.rejected,
    }
