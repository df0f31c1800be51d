"""Section 8: habits of other people's clients, re-created from how they are seen to behave on the wire."""

import json
import re
from keyword import iskeyword
from urllib.parse import urlencode

from tools.conformance.asking import expect
from tools.conformance.checks.accounts import BALANCE, ask_orders, balance
from tools.conformance.checks.quotations import STOCK, book, price
from tools.conformance.fact import fact
from tools.conformance.kis import DOMESTIC, Kis, Reply

_DESKTOP = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36"
_LOWER = re.compile(r"[^A-Z]*[a-z][^A-Z]*")


async def _as_the_official_sample(kis: Kis, path: str, tr_id: str, query: dict[str, str]) -> Reply:
    """Ask with the headers of the official sample client."""
    headers = await kis.headers(tr_id) | {
        "Content-Type": "application/json",
        "Accept": "text/plain",
        "charset": "UTF-8",
        "User-Agent": _DESKTOP,
        "custtype": "P",
        "tr_cont": "",
    }
    return await kis.request("GET", f"{DOMESTIC}{path}", params=query, headers=headers)


def _is_identifier(name: str) -> bool:
    return name.isidentifier() and not iskeyword(name) and not name.startswith("_")


@fact("8.1", "T")
async def the_official_sample_is_answered(kis: Kis) -> None:
    """Accept: text/plain, a header named charset and a blank tr_cont are taken, and JSON comes back."""
    reply = await kis.once("official", lambda: _official_price(kis))

    expect(reply.is_success and "json" in reply.headers.get("content-type", ""), reply)


@fact("8.1", "T")
async def lower_case_header_names_are_identifiers(kis: Kis) -> None:
    """Every response header whose name is all lower case is a Python identifier (the sample: a namedtuple)."""
    official = await kis.once("official", lambda: _official_price(kis))
    for reply in (official, await balance(kis), await kis.token_reply()):
        names = [name for name in reply.names if _LOWER.fullmatch(name)]

        odd = [name for name in names if not _is_identifier(name)]
        expect(not odd and len(names) == len(set(names)), f"{odd or names}")


@fact("8.1", "T")
async def json_names_are_identifiers(kis: Kis) -> None:
    """Every key of a reply is a Python identifier, at the top and in its rows."""
    for reply in (await price(kis), await book(kis), await balance(kis), await ask_orders(kis)):
        odd = [name for name in _names_in(reply.body) if not _is_identifier(name)]
        expect(not odd, odd)


@fact("8.1", "T")
async def a_failure_has_a_code_and_a_message(kis: Kis) -> None:
    """A refused reply carries msg_cd and msg1 too, which the sample reads from whatever comes back."""
    reply = await kis.get("/trading/inquire-balance", "NONE", kis.account | BALANCE)

    expect({"msg_cd", "msg1"} <= set(reply.body), reply)


@fact("8.2", "T")
async def python_kis_reads_rt_cd_as_a_number(kis: Kis) -> None:
    """rt_cd parses as a whole number in successes and refusals alike."""
    for reply in (await price(kis), await kis.get("/quotations/inquire-price", "NONE", STOCK)):
        int(reply.body["rt_cd"])


@fact("8.3", "C")
async def repeated_slashes_are_one(kis: Kis) -> None:
    """//uapi//domestic-stock/… is answered as /uapi/domestic-stock/…."""
    path = f"/{DOMESTIC.replace('/domestic', '//domestic')}/quotations/inquire-price?{urlencode(STOCK)}"

    reply = await kis.request("GET", path, headers=await kis.headers("FHKST01010100"))

    expect(reply.is_success and reply.output["stck_prpr"] != "0", reply)


@fact("8.3", "C T")
async def a_hash_is_for_the_very_bytes(kis: Kis) -> None:
    """A client, mojito, hashes a compact JSON text under its own User-Agent and reads HASH from the reply."""
    body = json.dumps(kis.account | {"PDNO": "005930", "ORD_DVSN": "00", "ORD_QTY": "1", "ORD_UNPR": "100"})
    headers = {"content-type": "application/json", "appKey": kis.access.app_key, "appSecret": kis.access.app_secret}

    reply = await kis.request("POST", "/uapi/hashkey", content=body, headers=headers | {"User-Agent": "Mozilla/5.0"})

    expect(isinstance(reply.body.get("HASH"), str), reply)


async def _official_price(kis: Kis) -> Reply:
    return await _as_the_official_sample(kis, "/quotations/inquire-price", "FHKST01010100", STOCK)


def _names_in(value: object) -> set[str]:
    if isinstance(value, dict):
        return set(value).union(*(_names_in(each) for each in value.values()))
    if isinstance(value, list):
        return set().union(*(_names_in(each) for each in value))
    return set()
