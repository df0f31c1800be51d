"""The control API: what tests and operators can read and change beyond KIS's own calls."""

import json
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from simulator.call_counter import CallCounter
from simulator.clock import ManualClock, clock_to_json, kst_instant
from simulator.faults import BadFaultError
from simulator.krx.sessions import in_seoul
from simulator.krx.units import Price, Quantity, Side, Symbol
from simulator.order_types import OrderType
from simulator.orders import Account, AccountId, Order, OrderRequest
from simulator.refusals import OrderRefusedError
from simulator.simulation import Simulation

_HIGHEST_SPEED: Final = 3_600
Handler = Callable[[Request], Awaitable[Response]]


def control_routes(simulation: Simulation) -> list[BaseRoute]:
    """Return the routes under ``/control``."""
    control = _Control(simulation)
    return [
        Route("/status", answered(control.status), methods=["GET"]),
        Route("/calls", answered(control.calls), methods=["GET"]),
        Route("/not-served", answered(control.not_served), methods=["GET"]),
        Route("/clock", answered(control.clock), methods=["POST"]),
        Route("/prices", answered(control.prices), methods=["POST"]),
        Route("/symbols", answered(control.symbols), methods=["GET"]),
        Route("/symbols", answered(control.set_symbol), methods=["POST"]),
        Route("/market", answered(control.break_circuit), methods=["POST"]),
        Route("/actions", answered(control.act_overnight), methods=["POST"]),
        Route("/faults", answered(control.faults), methods=["GET"]),
        Route("/faults", answered(control.add_faults), methods=["POST"]),
        Route("/faults", answered(control.clear_faults), methods=["DELETE"]),
        Route("/accounts", answered(control.accounts), methods=["GET"]),
        Route("/accounts/{cano}", answered(control.account), methods=["GET"]),
        Route("/accounts/{cano}/orders", answered(control.order_by_hand), methods=["POST"]),
    ]


class BadControlError(ValueError):
    """An invalid control call. The text gives the reason."""


def answered(handler: Callable[[Request], Awaitable[Any]]) -> Handler:
    """Wrap a handler: its value becomes JSON, its error a 400 or 409."""

    async def answer(request: Request) -> Response:
        try:
            return JSONResponse(await handler(request))
        except OrderRefusedError as error:
            return JSONResponse({"error": error.refusal.name, "message": error.refusal.value.message}, 409)
        except (ValueError, KeyError, TypeError, BadFaultError) as error:
            return JSONResponse({"error": str(error)}, 400)

    return answer


class _Control:
    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation

    async def status(self, _: Request) -> dict[str, Any]:
        """Return time, session, settings and call counters."""
        simulation = self._simulation
        at = simulation.advance()
        session = simulation.exchange.shown_session(at)
        return {
            "market_time": in_seoul(at).isoformat(),
            "real_time": simulation.real_now().isoformat(),
            "clock": clock_to_json(simulation.settings.clock),
            "manual": isinstance(simulation.settings.clock, ManualClock),
            "speed": simulation.speed,
            "seed": simulation.settings.seed,
            "environment": simulation.settings.environment,
            "opening_cash": simulation.settings.opening_cash,
            "session": session.date.isoformat(),
            "phase": session.phase_at(at).value,
            "opens_at": in_seoul(session.opens_at).isoformat(),
            "ends_at": in_seoul(session.ends_at).isoformat(),
            "rate_limit": simulation.settings.rate_limit,
            "calls": _calls_json(simulation.calls),
            "services": {
                name: {"rate_limit": service.calls.limit, "calls": _calls_json(service.calls)}
                for name, service in simulation.services.items()
            },
            "faults": [rule.to_json() for rule in simulation.faults.rules],
            "accounts": [account.number for account in simulation.engine.accounts],
        }

    async def calls(self, request: Request) -> list[dict[str, Any]]:
        """Return the latest calls one by one, oldest first. ``since`` is a real instant (ISO 8601)."""
        since = datetime.fromisoformat(request.query_params.get("since", "1970-01-01T00:00:00+00:00"))
        if since.tzinfo is None:
            raise BadControlError("since needs a zone, such as 2026-11-23T06:15:00+00:00")
        latest = self._simulation.calls.latest
        return [{**each._asdict(), "at": each.at.isoformat()} for each in latest if each.at >= since]

    async def not_served(self, _: Request) -> list[dict[str, Any]]:
        """Return what clients asked for and no service of the simulator serves, with counts."""
        return [kind for service in self._simulation.services.values() for kind in service.not_served.to_json()]

    async def clock(self, request: Request) -> dict[str, Any]:
        """Jump: ``set`` to a time or ``advance`` by market seconds. Or change the ``speed``; 0 stops time."""
        body = await _body(request)
        if "set" in body:
            self._simulation.move_clock(kst_instant(str(body["set"])))
        elif "advance" in body:
            self._simulation.move_clock(self._simulation.market_now() + timedelta(seconds=float(body["advance"])))
        elif "speed" in body:
            self._simulation.move_clock(speed=_speed(body["speed"]))
        else:
            raise BadControlError('say {"set": "2026-11-23 09:00:00"}, {"advance": seconds} or {"speed": number}')
        shown = in_seoul(self._simulation.market_now()).isoformat()
        return {"market_time": shown, "clock": clock_to_json(self._simulation.settings.clock)}

    async def prices(self, request: Request) -> dict[str, Any]:
        """Force one stock's price path from now on."""
        body = await _body(request)
        symbol, price = self._symbol(body), body.get("price")
        path = {name: body[name] for name in ("drift", "natural", "volume", "vi") if name in body}
        self._simulation.force_price(symbol, None if price is None else int(price), **path)
        return self._shown(symbol)

    async def symbols(self, _: Request) -> list[dict[str, Any]]:
        """Return the current state of every stock, with the character of its day."""
        return [self._shown(symbol) for symbol in self._simulation.exchange.tapes]

    async def set_symbol(self, request: Request) -> dict[str, Any]:
        """Set or clear halted, interrupted, thin, no_bids, no_asks, split and flags of one stock."""
        body = await _body(request)
        symbol = self._symbol(body)
        self._simulation.set_conditions(symbol, **{name: body[name] for name in body if name != "symbol"})
        return self._shown(symbol)

    async def act_overnight(self, request: Request) -> dict[str, Any]:
        """Split a stock, or take ``rights`` off its price, with effect from the next session."""
        body = await _body(request)
        symbol, flags = self._symbol(body), {name: bool(body.get(name)) for name in ("rights", "halted")}
        self._simulation.act_overnight(symbol, float(body["ratio"]), **flags)
        return self._shown(symbol)

    async def faults(self, _: Request) -> list[dict[str, Any]]:
        """Return the active fault rules."""
        return [rule.to_json() for rule in self._simulation.faults.rules]

    async def add_faults(self, request: Request) -> list[dict[str, Any]]:
        """Add one rule or a list of rules."""
        body = json.loads(await request.body())
        rules = body if isinstance(body, list) else [body]
        return [self._simulation.add_fault(**rule).to_json() for rule in rules]

    async def clear_faults(self, _: Request) -> list[dict[str, Any]]:
        """Remove all fault rules."""
        self._simulation.clear_faults()
        return []

    async def break_circuit(self, request: Request) -> dict[str, Any]:
        """Trigger a circuit breaker: ``circuit_breaker`` is the stage, ``market`` kospi, kosdaq or absent for both."""
        body = await _body(request)
        market = body.get("market")
        self._simulation.break_circuit(int(body["circuit_breaker"]), None if market is None else str(market))
        return await self.status(request)

    async def accounts(self, _: Request) -> list[dict[str, Any]]:
        """Return every account that has been used."""
        self._simulation.advance()
        return [_account_json(account) for account in self._simulation.engine.accounts.values()]

    async def account(self, request: Request) -> dict[str, Any]:
        """Return one account: the broker's truth for verification."""
        self._simulation.advance()
        return _account_json(self._simulation.engine.account(_account_id(request)))

    async def order_by_hand(self, request: Request) -> dict[str, Any]:
        """Place a manual order as the account's owner; ``kind`` is an ORD_DVSN code, market by default."""
        body = await _body(request)
        wanted = OrderRequest(
            _account_id(request),
            Symbol(self._symbol(body)),
            Side(body["side"]),
            OrderType(body.get("kind", OrderType.MARKET)),
            Quantity(int(body["quantity"])),
            Price(int(body.get("price", 0))),
        )
        return _order_json(self._simulation.place_order(wanted, by_hand=True))

    def _symbol(self, body: dict[str, Any]) -> str:
        symbol = str(body.get("symbol", ""))
        if self._simulation.exchange.listing(symbol) is None:
            raise BadControlError(f"no such stock: {symbol!r}")
        return symbol

    def _shown(self, symbol: str) -> dict[str, Any]:
        simulation = self._simulation
        seen = simulation.exchange.snapshot(Symbol(symbol), simulation.advance())
        path = simulation.exchange.path(Symbol(symbol), seen.session)
        conditions = seen.conditions
        return {
            "symbol": symbol,
            "name": seen.listing.name,
            "market": seen.listing.market.value,
            "price": seen.price,
            "base": seen.base,
            "lower_limit": seen.limits.lower,
            "upper_limit": seen.limits.upper,
            **seen.totals._asdict(),
            "character": path.natural.plan.character.value,
            "pause": seen.pause.kind.name.lower() if seen.pause else None,
            "halted": conditions.halted,
            "interrupted": conditions.interrupted,
            "thin": conditions.thin,
            "no_bids": conditions.no_bids,
            "no_asks": conditions.no_asks,
            "flags": sorted(conditions.flags | seen.listing.flags),
        }


def _account_id(request: Request) -> AccountId:
    number, _, product = request.path_params["cano"].partition("-")
    return AccountId(number, product or request.query_params.get("product", "01"))


def _speed(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _HIGHEST_SPEED:
        raise BadControlError(f"speed must be a whole number from 0 (stop) to {_HIGHEST_SPEED:,}, not {value!r}")
    return value


async def _body(request: Request) -> dict[str, Any]:
    body = json.loads(await request.body())
    if not isinstance(body, dict):
        raise BadControlError("a JSON object is expected")
    return body


def _calls_json(calls: CallCounter) -> dict[str, Any]:
    return {
        "total": calls.total,
        "refused": calls.refused,
        "most_in_a_second": calls.most_in_a_second,
        "by_path": dict(calls.by_path),
        "by_tr_id": dict(calls.by_tr_id),
    }


def _account_json(account: Account) -> dict[str, Any]:
    return {
        "cano": account.id.number,
        "product": account.id.product,
        "opening_cash": account.opening_cash,
        "cash": account.cash,
        "free_cash": account.free_cash,
        "holdings": [
            {
                "symbol": held.symbol,
                "quantity": held.quantity,
                "cost": held.cost,
                "sellable": account.sellable(held.symbol),
            }
            for held in account.holdings.values()
        ],
        "orders": [_order_json(order) for order in account.orders],
        "commission": sum(order.costs.commission for order in account.orders),
        "tax": sum(order.costs.tax for order in account.orders),
    }


def _order_json(order: Order) -> dict[str, Any]:
    return {
        "day": order.day.isoformat(),
        "number": order.number,
        "original": order.original,
        "action": order.action.value,
        "symbol": order.symbol,
        "market": order.market.value,
        "side": order.side.value,
        "kind": order.kind.value,
        "quantity": order.quantity,
        "price": order.price,
        "placed_at": in_seoul(order.placed_at).isoformat(),
        "by_hand": order.by_hand,
        "filled": order.filled,
        "hidden": order.hidden,
        "cancelled": order.cancelled,
        "rejected": order.rejected,
        "remaining": order.remaining,
        "amount": order.amount,
        "commission": order.costs.commission,
        "tax": order.costs.tax,
        "fills": [
            {"at": in_seoul(fill.at).isoformat(), "price": fill.price, "quantity": fill.quantity}
            for fill in order.fills
        ],
    }
