"""The adversary at the broker: failing calls, a spoiled stream, manual trades, price jumps and halted stocks."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import httpx

from simulator.faults import StreamFault
from simulator.hardships import Hardship, rules_of
from tools.chaos.kinds import FaultKind, Kind
from tools.chaos.schedule import Act

_ORDER: Final = "trading/order-cash"
_CANCEL: Final = "trading/order-rvsecncl"
_INQUIRIES: Final = "inquire"
_LISTS: Final = "inquire-daily-ccld"
_OPEN_ORDERS: Final = "inquire-psbl-rvsecncl"
_BALANCE: Final = "inquire-balance"
_RANKINGS: Final = "ranking/"
_PRICES: Final = "intstock-multprice"
_MOST_LATE: Final = 5
_SIDES: Final = ("buy", "sell")
_LARGEST_JUMP: Final = 0.05
_MOST_BY_HAND: Final = 20

_RULES: Final[Mapping[Kind, Mapping[str, Any]]] = {
    FaultKind.DROP_REPLY: {"kind": "drop_reply_after", "path": _ORDER},
    FaultKind.ERROR_AFTER: {"kind": "error_after", "path": _ORDER},
    FaultKind.GARBAGE_AFTER: {"kind": "garbage", "path": _ORDER},
    FaultKind.LATE_REPLY: {"kind": "delay", "path": _ORDER},
    FaultKind.LATE_ORDER: {"kind": "delay_before", "path": _ORDER},
    FaultKind.CUT_BEFORE: {"kind": "drop_before", "path": _ORDER},
    FaultKind.ERROR_BEFORE: {"kind": "http_error", "path": _ORDER},
    FaultKind.REFUSE_ORDER: {"kind": "refuse", "path": _ORDER},
    FaultKind.LOSE_CANCEL: {"kind": "drop_reply_after", "path": _CANCEL},
    FaultKind.CUT_SOCKETS: {"kind": "drop_before"},
    FaultKind.QUERY_ERRORS: {"kind": "http_error", "path": _INQUIRIES},
    FaultKind.QUERY_GARBAGE: {"kind": "garbage", "path": _INQUIRIES},
    FaultKind.LAG_LISTS: {"kind": "lag_orders", "path": _LISTS},
    FaultKind.EMPTY_BALANCE: {"kind": "empty_balance", "path": _BALANCE},
    FaultKind.EXPIRE_TOKEN: {"kind": "expire_token"},
    FaultKind.RATE_STORM: {"kind": "rate_storm"},
}
_OTHERS: Final[Mapping[str, str | None]] = {"pdno": "Q530031", "odno": "0000099999", "rmn_qty": "", "hldg_qty": ""}
"""A row of a stock that no worker trades, with unreadable fields."""
_ROW_RULES: Final[Mapping[Kind, tuple[Mapping[str, Any], ...]]] = {
    FaultKind.HIDE_ORDERS: tuple({"kind": "hide_orders", "path": path} for path in (_LISTS, _OPEN_ORDERS)),
    FaultKind.LATE_FILLS: ({"kind": "hide_fills", "path": _LISTS},),
    FaultKind.ODD_ROWS: (
        *({"kind": "extra_row", "path": path, "fields": _OTHERS} for path in (_LISTS, _OPEN_ORDERS, _BALANCE)),
        {"kind": "extra_row", "path": _RANKINGS, "fields": {"mksc_shrn_iscd": "Q530031", "stck_prpr": ""}},
        {"kind": "extra_row", "path": _PRICES, "fields": {"inter_shrn_iscd": "Q530031", "inter2_prpr": ""}},
        {"kind": "no_row", "path": _LISTS},
        {"kind": "no_row", "path": _PRICES},
    ),
}
_STREAM: Final = "stream"
_ABSURD_PRICES: Final = ("999999999", "1", "0", "-70000")
_CONDITIONS: Final[Mapping[Kind, str]] = {
    FaultKind.HALT: "halted",
    FaultKind.INTERRUPT: "interrupted",
    FaultKind.NO_BIDS: "no_bids",
}
_ONE_SIDED: Final = frozenset({_ORDER})

AT_THE_BROKER: Final = frozenset(
    {*_RULES, *_ROW_RULES, *StreamFault, *Hardship, *_CONDITIONS}
    | {FaultKind.HAND_BUY, FaultKind.HAND_SELL, FaultKind.JUMP}
)


class BrokerSide:
    """Uses the control API. httpx errors pass through, because the adversary may have stopped the broker."""

    def __init__(self, client: httpx.AsyncClient, account_number: str) -> None:
        self._client = client
        self._account = account_number
        self._stopped: dict[Act, str] = {}

    async def do(self, act: Act) -> str:
        """Execute one act and return its target."""
        if act.kind in _RULES:
            return await self._add_rule(act)
        if act.kind in _ROW_RULES:
            return await self._spoil_rows(act)
        if isinstance(act.kind, StreamFault):
            return await self._spoil_stream(act)
        if isinstance(act.kind, Hardship):
            await self._post("faults", rules_of(act.kind, act.choice))
            return f"size {act.choice}, until all is calm"
        if act.kind in _CONDITIONS:
            return await self._set_condition(act)
        deeds: dict[Kind, Callable[[Act], Any]] = {
            FaultKind.HAND_BUY: self._buy,
            FaultKind.HAND_SELL: self._sell,
            FaultKind.JUMP: self._jump,
        }
        return str(await deeds[act.kind](act))

    async def undo(self, act: Act) -> None:
        """Resume trading of a halted stock."""
        symbol = self._stopped.pop(act, None)
        if symbol is not None:
            await self._post("symbols", {"symbol": symbol, _CONDITIONS[act.kind]: False})

    async def calm(self) -> dict[str, int]:
        """Remove all faults; return how many calls, frames, notices and sessions each kind of rule has hit."""
        rules = (await self._client.get("/control/faults")).raise_for_status().json()
        await self._client.delete("/control/faults")
        for act, symbol in list(self._stopped.items()):
            await self._post("symbols", {"symbol": symbol, _CONDITIONS[act.kind]: False})
        hits: dict[str, int] = {}
        for rule in rules:
            hits[rule["kind"]] = hits.get(rule["kind"], 0) + rule["hits"]
        return hits

    async def _add_rule(self, act: Act) -> str:
        rule = {**_RULES[act.kind], "count": act.count, "seconds": act.seconds}
        if rule.get("path") in _ONE_SIDED:
            rule["side"] = _SIDES[act.choice < 0.5]
        await self._post("faults", rule)
        return f"{rule.get('side', '')} ×{act.count}".strip()

    async def _spoil_rows(self, act: Act) -> str:
        shares = 1 + int(act.choice * _MOST_LATE) if act.kind is FaultKind.LATE_FILLS else 0
        await self._post("faults", [{**rule, "count": act.count, "shares": shares} for rule in _ROW_RULES[act.kind]])
        return f"{f'{shares} shares ' if shares else ''}×{act.count}"

    async def _spoil_stream(self, act: Act) -> str:
        rule: dict[str, Any] = {"kind": act.kind.value, "path": _STREAM, "count": act.count, "seconds": act.seconds}
        # A refusal needs a cut first: only clients that reconnect can be refused.
        cut = {"kind": StreamFault.STREAM_CUT.value, "path": _STREAM}
        if act.kind is StreamFault.STREAM_ABSURD_PRICE:
            rule["body"] = _ABSURD_PRICES[int(act.choice * len(_ABSURD_PRICES))]
        await self._post("faults", [rule, cut] if act.kind is StreamFault.STREAM_REFUSE else rule)
        return f"{rule.get('body', '')} ×{act.count}".strip()

    async def _set_condition(self, act: Act) -> str:
        name, symbol = _CONDITIONS[act.kind], await self._symbol(act)
        self._stopped[act] = symbol
        await self._post("symbols", {"symbol": symbol, name: True})
        return symbol

    async def _jump(self, act: Act) -> str:
        symbol = await self._symbol(act)
        size = (act.choice * 997 % 1 - 0.5) * 2 * _LARGEST_JUMP
        listed = (await self._client.get("/control/symbols")).raise_for_status().json()
        price = next(each["price"] for each in listed if each["symbol"] == symbol)
        await self._post("prices", {"symbol": symbol, "price": round(price * (1 + size)), "natural": True})
        return f"{symbol} {size:+.1%}"

    async def _buy(self, act: Act) -> str:
        return await self._by_hand(act, "buy", 1 + int(act.choice * _MOST_BY_HAND))

    async def _sell(self, act: Act) -> str:
        return await self._by_hand(act, "sell", 1 + int(act.choice * _MOST_BY_HAND))

    async def _by_hand(self, act: Act, side: str, quantity: int) -> str:
        symbol = await self._symbol(act)
        order = {"symbol": symbol, "side": side, "quantity": quantity}
        reply = await self._client.post(f"/control/accounts/{self._account}/orders", json=order)
        return f"{side} {symbol} ×{quantity}: {'done' if reply.is_success else reply.json().get('error')}"

    async def _symbol(self, act: Act) -> str:
        """Choose a stock; prefer a held one, where a fault matters most."""
        account = (await self._client.get(f"/control/accounts/{self._account}")).raise_for_status().json()
        symbols = sorted(each["symbol"] for each in account["holdings"] if each["quantity"])
        if not symbols:
            listed = (await self._client.get("/control/symbols")).raise_for_status().json()
            symbols = sorted(each["symbol"] for each in listed)
        return str(symbols[int(act.choice * len(symbols))])

    async def _post(self, path: str, body: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> None:
        (await self._client.post(f"/control/{path}", json=body)).raise_for_status()
