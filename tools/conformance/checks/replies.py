"""Section 1: headers, envelope and paging."""

from tools.conformance.asking import CannotAskError, expect
from tools.conformance.checks.accounts import BALANCE, ask_orders, balance
from tools.conformance.checks.quotations import STOCK, ask_price, price
from tools.conformance.fact import fact
from tools.conformance.kis import Kis, Reply

_PRICE_PATH = "/quotations/inquire-price"
_PRICE_TR = "FHKST01010100"
_KIS_NAMES = {"tr_id", "tr_cont", "gt_uid"}
_MORE = {"F", "M"}
_LAST = {"D", "E"}


@fact("1.2", "O C T")
async def header_names_are_case_insensitive(kis: Kis) -> None:
    """Clients send appKey and appSecret as well as appkey and appsecret."""
    headers = {"appKey": kis.access.app_key, "appSecret": kis.access.app_secret, "Tr_Id": _PRICE_TR}
    headers["Authorization"] = f"Bearer {await kis.token()}"

    reply = await kis.request("GET", f"/uapi/domestic-stock/v1{_PRICE_PATH}", params=STOCK, headers=headers)

    expect(reply.is_success, reply)


@fact("1.2", "C")
async def custtype_is_not_required(kis: Kis) -> None:
    """A call without custtype and without content-type is answered."""
    expect((await price(kis)).is_success, await price(kis))


@fact("1.2", "C T")
async def query_names_may_be_lower_case(kis: Kis) -> None:
    """fid_* query names are taken in lower case."""
    lower = {name.lower(): value for name, value in STOCK.items()}

    reply = await kis.get(_PRICE_PATH, _PRICE_TR, lower)

    expect(reply.is_success and reply.output["stck_prpr"] != "0", reply)


@fact("1.2", "C T")
async def paging_keys_may_be_lower_case(kis: Kis) -> None:
    """ctx_area_fk100 and ctx_area_nk100 are taken in lower case."""
    query = {name.lower() if name.startswith("CTX") else name: value for name, value in BALANCE.items()}

    reply = await kis.get("/trading/inquire-balance", kis.tr("TTTC8434R"), kis.account | query)

    expect(reply.is_success, reply)


@fact("1.2", "M")
async def a_missing_key_is_no_http_error(kis: Kis) -> None:
    """A GET without a required key: HTTP 200, rt_cd 2, a message of the query server (OPSQ)."""
    reply = await kis.get(_PRICE_PATH, _PRICE_TR, {"FID_COND_MRKT_DIV_CODE": "J"})

    expect(reply.status == 200 and reply.body.get("rt_cd") == "2" and reply.code.startswith("OPSQ"), reply)


@fact("1.3", "O")
async def a_reply_carries_the_three_headers(kis: Kis) -> None:
    """A reply carries tr_id (the one asked), tr_cont and gt_uid, all in lower case."""
    reply = await price(kis)

    expect(set(reply.names) >= _KIS_NAMES, reply.names)
    expect(reply.headers["tr_id"] == _PRICE_TR, reply.headers["tr_id"])


@fact("1.3", "T")
async def generic_headers_are_in_title_case(kis: Kis) -> None:
    """Content-Type, Content-Length and Date come in title case, not in lower case."""
    for reply in (await price(kis), await kis.token_reply()):
        lower = [name for name in reply.names if name in ("content-type", "content-length", "date")]
        expect(not lower, lower)


@fact("1.3", "O")
async def json_is_declared_as_utf_8(kis: Kis) -> None:
    """The content type of a reply is application/json; charset=utf-8."""
    declared = (await price(kis)).headers.get("content-type", "").lower().replace(" ", "")

    expect(declared == "application/json;charset=utf-8", declared)


@fact("1.3", "O")
async def tr_cont_is_blank_without_paging(kis: Kis) -> None:
    """An endpoint without paging answers a blank tr_cont."""
    continued = (await price(kis)).headers.get("tr_cont")

    expect(continued is not None and not continued.strip(), repr(continued))


@fact("1.3", "O C")
async def tr_cont_is_there_on_paged_calls(kis: Kis) -> None:
    """The paged ledger calls always carry tr_cont, one of F, M, D and E; mojito reads it unconditionally."""
    for reply in (await balance(kis), await ask_orders(kis)):
        expect(reply.headers.get("tr_cont") in _MORE | _LAST, reply.names)


@fact("1.4", "O")
async def a_success_has_the_envelope(kis: Kis) -> None:
    """A quotation answers rt_cd 0, msg_cd MCA00000 and a msg1 of at most 80 characters, all strings."""
    body = (await price(kis)).body

    expect(body.get("rt_cd") == "0" and body.get("msg_cd") == "MCA00000", f"{body.get('rt_cd')} {body.get('msg_cd')}")
    expect(isinstance(body.get("msg1"), str) and len(body["msg1"]) <= 80, repr(body.get("msg1")))


@fact("1.4", "O")
async def a_ledger_message_is_padded(kis: Kis) -> None:
    """A ledger reply pads msg1 with blanks to 80 bytes (cp949)."""
    message = (await ask_orders(kis)).body["msg1"]

    length = len(message.encode("cp949"))
    expect(length == 80, f"{length} bytes")


@fact("1.4", "O")
async def paging_keys_are_100_characters(kis: Kis) -> None:
    """A paged ledger reply carries ctx_area_fk100 and ctx_area_nk100 of 100 characters."""
    body = (await ask_orders(kis)).body

    lengths = [len(body[name]) for name in ("ctx_area_fk100", "ctx_area_nk100")]
    expect(lengths == [100, 100], lengths)


@fact("1.4", "O M")
async def a_gateway_failure_has_the_bare_envelope(kis: Kis) -> None:
    """A failure of the gateway is HTTP 500 with rt_cd, msg_cd and msg1 only."""
    reply = await ask_price(kis, authorization="Bearer nothing")

    expect(reply.status == 500 and set(reply.body) == {"rt_cd", "msg_cd", "msg1"}, reply)


@fact("1.5", "O")
async def pages_follow_one_another(kis: Kis) -> None:
    """tr_cont F or M says more follows; N with both keys sent back gives the next rows; D or E ends; no row twice."""
    first = await _first_of_many(kis)
    seen = [_key(row) for row in first.rows("output1")]
    page = first
    while page.headers["tr_cont"] in _MORE:
        page = await ask_orders(kis, page, tr_cont="N")
        rows = [_key(row) for row in page.rows("output1")]
        expect(bool(rows) and not set(rows) & set(seen), f"page of {len(rows)} rows repeats or is blank")
        seen += rows

    expect(page.headers["tr_cont"] in _LAST, page.headers["tr_cont"])


@fact("1.5", "O")
async def a_page_has_a_size(kis: Kis) -> None:
    """A page of inquire-daily-ccld has 100 rows on the real service, 15 on paper."""
    count = len((await _first_of_many(kis)).rows("output1"))

    expect(count == (15 if kis.is_paper else 100), f"{count} rows")


@fact("10", "O")
async def without_the_header_page_one_comes_again(kis: Kis) -> None:
    """The keys sent back without tr_cont N give the first page again."""
    first = await _first_of_many(kis)

    again = await ask_orders(kis, first)

    expect([_key(row) for row in again.rows("output1")] == [_key(row) for row in first.rows("output1")], "other rows")


async def _first_of_many(kis: Kis) -> Reply:
    first = await kis.once("first page", lambda: ask_orders(kis))
    if first.headers["tr_cont"] not in _MORE:
        raise CannotAskError(f"today's orders fit on one page ({len(first.rows('output1'))} rows)")
    return first


def _key(row: dict[str, str]) -> tuple[str, str, str]:
    return row["ord_dt"], row["ord_gno_brno"], row["odno"]
