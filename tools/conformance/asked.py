"""Asks the facts one after another and keeps the observations, without account data."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Final

import httpx
from websockets.exceptions import WebSocketException

from tools.conformance.asking import CannotAskError, DiffersError
from tools.conformance.checks.orders import cancel_what_is_left
from tools.conformance.clock import in_session
from tools.conformance.fact import Fact, Finding, Need, Verdict
from tools.conformance.kis import Access, Kis

_LONGEST_SEEN: Final = 300
_SURPRISES: Final = (httpx.HTTPError, WebSocketException, OSError, LookupError, ValueError, TypeError, AttributeError)


@asynccontextmanager
async def conversation(access: Access) -> AsyncIterator[Kis]:
    """Open a conversation with a server."""
    async with httpx.AsyncClient() as http:
        kis = Kis(access, http)
        async with kis.closing:
            yield kis


async def ask_all(access: Access, facts: Iterable[Fact]) -> list[Finding]:
    """Ask facts in their order; at the end always cancel every order that was placed.

    Raises:
        OrdersLeftError: an order could not be cancelled.
    """
    findings: list[Finding] = []
    async with conversation(access) as kis:
        try:
            for each in facts:
                findings.append(await ask(kis, each))  # noqa: PERF401 - findings so far survive a failure
        finally:
            left = await cancel_what_is_left(kis)
            if left:
                raise OrdersLeftError(access, left, findings)
    return findings


class OrdersLeftError(Exception):
    """Orders that a check placed are still live at the broker; the text names them."""

    def __init__(self, access: Access, numbers: list[str], findings: list[Finding]) -> None:
        super().__init__(f"could not cancel order {', '.join(numbers)}: cancel it by hand")
        self.access = access
        self.findings = findings


async def ask(kis: Kis, each: Fact) -> Finding:
    """Ask one fact. An unexpected error in the check is a difference, not a failure of the run."""
    try:
        await _refuse_where_it_must_not_be_asked(kis, each)
        await each.check(kis)
    except DiffersError as error:
        return Finding(each, Verdict.DIFFERS, _shown(kis, str(error)))
    except CannotAskError as error:
        return Finding(each, Verdict.NOT_ASKED, _shown(kis, str(error)))
    except _SURPRISES as error:
        return Finding(each, Verdict.DIFFERS, _shown(kis, f"{type(error).__name__}: {error}"))
    return Finding(each, Verdict.HOLDS)


async def _refuse_where_it_must_not_be_asked(kis: Kis, each: Fact) -> None:
    access = kis.access
    if access.service not in each.services:
        raise CannotAskError(f"it speaks of the {', '.join(each.services)} service")
    if Need.ORDERS in each.needs and not access.may_order:
        raise CannotAskError(Need.ORDERS.value)
    if Need.SIMULATOR in each.needs and not access.is_simulated:
        raise CannotAskError(Need.SIMULATOR.value)
    if Need.SESSION in each.needs and not await in_session(kis):
        raise CannotAskError(Need.SESSION.value)


def _shown(kis: Kis, seen: str) -> str:
    """Return the observation on one line, without keys, tokens and account numbers."""
    for secret in kis.secrets:
        seen = seen.replace(secret, "…")
    return " ".join(seen.split())[:_LONGEST_SEEN]
