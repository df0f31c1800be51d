"""Allowed results of a damaged reply: possible values, or one of our named errors; all else is a violation."""

import json
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from datetime import datetime

import httpx

from domain.errors import TradingError
from domain.order import Accepted, Rejected, Unknown
from tests.broker.parts import ACCOUNT, APP_KEY, APP_SECRET
from tests.trials.fuzz.mutations import Damaged

_UNSIGNED = frozenset({"price", "bid", "ask", "quantity", "sellable", "cost", "filled_quantity", "remaining_quantity"})


def trouble_with_error(error: BaseException) -> str:
    """Return the violation in a raised error, or nothing."""
    if not isinstance(error, TradingError):
        return f"{type(error).__name__} is none of ours"
    if not str(error).strip():
        return f"{type(error).__name__} says nothing"
    return "a secret is shown" if _shows_a_secret(str(error)) else ""


def trouble_with_value(value: object) -> str:
    """Return the violation in a value, such as an impossible number or an instant without a zone."""
    return next((trouble for trouble in _troubles(value) if trouble), "")


def trouble_with_outcome(outcome: object, reply: Damaged, orders_sent: int) -> str:
    """Return the violation in an order's outcome: a reply proves what it says, and no more."""
    if orders_sent != 1:
        return f"{orders_sent} requests have left"
    if _shows_a_secret(repr(outcome)):
        return "a secret is shown"
    if isinstance(outcome, Accepted):
        proven = reply.status == httpx.codes.OK and _says(reply, "rt_cd") == "0" and _number_in(reply)
        return "" if proven == outcome.ref.number else "accepted without success and its number"
    if isinstance(outcome, Rejected):
        says_no = _says(reply, "rt_cd") not in {"", "0"} or _says(reply, "error_code")
        return "" if outcome.code.strip() and says_no and not _number_in(reply) else "rejected without a clear refusal"
    if isinstance(outcome, Unknown):
        return "" if outcome.cause.strip() else "unknown without a reason"
    return f"{outcome!r} is no outcome"


def _says(reply: Damaged, name: str) -> str:
    return str(_lowered(_body(reply)).get(name, "")).strip()


def _number_in(reply: Damaged) -> str:
    """Return the order number in a reply, read without the client; the empty text for none."""
    output = _lowered(_body(reply)).get("output")
    rows = output if isinstance(output, list) else [output]
    numbers = [str(_lowered(row).get("odno") or "").strip().lstrip("0") for row in rows]
    return next((number.zfill(10) for number in numbers if number), "")


def _body(reply: Damaged) -> object:
    try:
        return json.loads(reply.content)
    except (ValueError, RecursionError):
        return None


def _lowered(value: object) -> dict[str, object]:
    return {key.lower(): part for key, part in value.items()} if isinstance(value, dict) else {}


def _troubles(value: object, name: str = "") -> Iterable[str]:
    if is_dataclass(value):
        for each in fields(value):
            yield from _troubles(getattr(value, each.name), each.name)
    elif isinstance(value, list | tuple | frozenset | dict):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _troubles(part, name)
    else:
        yield _trouble_with_field(value, name)


def _trouble_with_field(value: object, name: str) -> str:
    if isinstance(value, float):
        return f"{name} is not a whole number"
    if isinstance(value, int) and value < 0 and name in _UNSIGNED:
        return f"{name} is negative"
    return f"{name} has no zone" if isinstance(value, datetime) and value.tzinfo is None else ""


def _shows_a_secret(text: str) -> bool:
    return any(secret in text for secret in (APP_KEY, APP_SECRET, ACCOUNT))
