"""Section 2: tokens, approval keys and the hash of a body."""

import asyncio
import re
from datetime import datetime, timedelta

from tools.conformance.asking import expect
from tools.conformance.fact import fact
from tools.conformance.kis import Kis

_LONGEST_AUTHORIZATION = 350
_SECOND = 1.0  # the limit of Approval
_HEX_64 = re.compile(r"[0-9a-fA-F]{64}")


@fact("2.1", "O")
async def a_token_reply_has_four_fields(kis: Kis) -> None:
    """A token comes with access_token_token_expired (KST, no zone), token_type Bearer, and expires_in, a number."""
    reply = await kis.token_reply()

    expect(reply.status == 200 and reply.body.get("token_type") == "Bearer", reply.status)
    expect(isinstance(reply.body.get("expires_in"), int), f"expires_in: {reply.body.get('expires_in')!r}")
    datetime.strptime(reply.body["access_token_token_expired"], "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007 - KIS gives no zone


@fact("2.1", "O")
async def a_token_lives_a_day(kis: Kis) -> None:
    """A token's expires_in is at most 86400 s, and it expires at most a day after its issue."""
    seconds = (await kis.token_reply()).body["expires_in"]

    expect(0 < seconds <= timedelta(days=1).total_seconds(), f"expires_in {seconds}")


@fact("1.2", "O")
async def an_authorization_header_fits_350_characters(kis: Kis) -> None:
    """The word Bearer, a blank and the token are at most 350 characters."""
    length = len(f"Bearer {await kis.token()}")

    expect(length <= _LONGEST_AUTHORIZATION, f"{length} characters")


@fact("2.1", "M")
async def a_second_issue_within_a_minute_is_refused(kis: Kis) -> None:
    """A second issue within a minute: HTTP 403, EGW00133 under error_code, with error_description and no msg_cd."""
    await kis.token()

    reply = await kis.oauth("tokenP", {"grant_type": "client_credentials", **kis.pair})

    expect(reply.status == 403 and reply.body.get("error_code") == "EGW00133", reply)
    expect("error_description" in reply.body and "msg_cd" not in reply.body, sorted(reply.body))


@fact("2.1", "M")
async def a_wrong_app_key_is_refused(kis: Kis) -> None:
    """A wrong app key at tokenP: HTTP 403, EGW00103 under error_code."""
    reply = await kis.oauth("tokenP", {"grant_type": "client_credentials", **kis.pair, "appkey": "PSwrong"})

    expect(reply.status == 403 and reply.body.get("error_code") == "EGW00103", reply)


@fact("2.1", "M")
async def a_wrong_app_secret_is_refused(kis: Kis) -> None:
    """A cut app secret at tokenP: HTTP 403, EGW00105 under error_code."""
    wrong = {"appsecret": kis.access.app_secret[:-1]}

    reply = await kis.oauth("tokenP", {"grant_type": "client_credentials", **kis.pair, **wrong})

    expect(reply.status == 403 and reply.body.get("error_code") == "EGW00105", reply)


@fact("2.3", "O")
async def an_approval_key_has_36_characters(kis: Kis) -> None:
    """Approval takes the secret as secretkey and answers approval_key of 36 characters."""
    reply = await kis.approval_reply()

    key = reply.body.get("approval_key")
    expect(reply.status == 200 and isinstance(key, str), f"HTTP {reply.status}, fields {sorted(reply.body)}")
    expect(len(str(key)) == 36, f"{len(str(key))} characters")


@fact("2.3", "O")
async def an_approval_does_not_take_appsecret(kis: Kis) -> None:
    """Approval with the secret under appsecret instead of secretkey gives no key."""
    await asyncio.sleep(_SECOND)

    reply = await kis.oauth("Approval", {"grant_type": "client_credentials", **kis.pair})

    expect("approval_key" not in reply.body and reply.status != 200, f"HTTP {reply.status}, {sorted(reply.body)}")


@fact("2.4", "O C T")
async def a_hash_needs_no_token(kis: Kis) -> None:
    """The path hashkey needs no token and answers the body under BODY and 64 hexadecimal digits under HASH."""
    body = kis.account | {"PDNO": "005930", "ORD_DVSN": "00", "ORD_QTY": "1", "ORD_UNPR": "1"}

    reply = await kis.request("POST", "/uapi/hashkey", json=body, headers=kis.pair)

    expect(reply.status == 200 and reply.body.get("BODY") == body, f"HTTP {reply.status}, fields {sorted(reply.body)}")
    expect(_HEX_64.fullmatch(str(reply.body.get("HASH"))) is not None, reply.body.get("HASH"))
