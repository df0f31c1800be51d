"""Section 2, asked last: what happens to a token later, and after it was taken back."""

import asyncio

from tools.conformance.asking import CannotAskError, expect
from tools.conformance.checks.quotations import ask_price
from tools.conformance.fact import Need, fact
from tools.conformance.kis import Kis

_MINUTE = 61.0
_SIMULATED_MINUTE = 5.0


@fact("2.1", "O")
async def a_token_younger_than_six_hours_comes_again(kis: Kis) -> None:
    """A later issue within six hours returns the same token string."""
    first = await kis.token()

    reply = await kis.oauth("tokenP", {"grant_type": "client_credentials", **kis.pair})
    if reply.code == "EGW00133":
        await asyncio.sleep(_SIMULATED_MINUTE if kis.access.is_simulated else _MINUTE)
        reply = await kis.oauth("tokenP", {"grant_type": "client_credentials", **kis.pair})

    if "access_token" not in reply.body:
        raise CannotAskError(f"no second token was issued: HTTP {reply.status} {reply.code}")
    expect(reply.body["access_token"] == first, "another token")


@fact("2.2", "O", Need.SIMULATOR)
async def a_token_can_be_revoked(kis: Kis) -> None:
    """The path revokeP answers code 200 and a message; the token is then refused with HTTP 500 EGW00121."""
    token = await kis.token()

    revoked = await kis.oauth("revokeP", {**kis.pair, "token": token})
    after = await ask_price(kis)

    expect(revoked.status == 200 and str(revoked.body.get("code")) == "200", revoked)
    expect(after.status == 500 and after.code == "EGW00121", after)
