"""Section 6: the limit of calls in a second. Asked late, since it leaves the server cross for a moment."""

import asyncio

from tools.conformance.asking import CannotAskError, expect
from tools.conformance.checks.quotations import STOCK
from tools.conformance.fact import fact
from tools.conformance.kis import DOMESTIC, Kis

_BEYOND = 4
_QUIET = 1.2
_SECOND = 1.0


@fact("6.1", "O M")
async def too_many_calls_in_a_second_are_refused(kis: Kis) -> None:
    """More calls in a second than the limit: some are refused with HTTP 500 EGW00201, the limit's number is not."""
    headers = await kis.headers("FHKST01010100")
    limit = kis.access.limit
    await asyncio.sleep(_QUIET)

    path = f"{DOMESTIC}/quotations/inquire-price"
    asked = (kis.send_now("GET", path, params=STOCK, headers=headers) for _ in range(limit + _BEYOND))
    began = asyncio.get_running_loop().time()
    replies = await asyncio.gather(*asked)
    took = asyncio.get_running_loop().time() - began
    await asyncio.sleep(_QUIET)

    refused = [reply for reply in replies if not reply.is_success]
    passed = len(replies) - len(refused)
    if not refused and took > _SECOND:
        raise CannotAskError(f"{len(replies)} calls took {took:.1f} s here, too slow for the limit of {limit}")
    expect(
        all((reply.status, reply.code) == (500, "EGW00201") for reply in refused),
        refused[-1] if refused else "none refused",
    )
    expect(bool(refused) and passed >= limit, f"{passed} of {len(replies)} passed; the limit is {limit}")
