"""Required fields and length limits of calls. ``strict`` adds rules that KIS documents but mostly does not enforce."""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

from simulator.endpoint import Endpoint
from simulator.wire import GatewayRefusalError

_ACCOUNT_DIGITS: Final = 8
_LONGEST: Final = {"PDNO": 12, "FID_INPUT_ISCD": 12, "ORD_QTY": 10, "ORD_UNPR": 19, "CNDT_PRIC": 19, "ORD_DVSN": 2}
_CUSTOMERS: Final = frozenset({"P", "B"})


def check_input(endpoint: Endpoint, values: dict[str, str] | None) -> dict[str, str]:
    """Return the values of a call, or raise the refusal of the gateway or the query server."""
    if values is None:
        raise GatewayRefusalError("OPSQ9997", "JSON PARSING ERROR")
    missing = next((name for name in endpoint.required if name not in values), None)
    if missing and endpoint.method == "POST":
        raise _bad_body(missing)
    if missing:
        raise GatewayRefusalError("OPSQ2001", f"ERROR INPUT FIELD NOT FOUND [{missing}]", status=200, rt_cd="2")
    if endpoint.is_account and not _is_account(values):
        raise GatewayRefusalError("OPSQ2000", "ERROR : INPUT INVALID_CHECK_ACNO", status=200, rt_cd="2")
    too_long = next((name for name, most in _LONGEST.items() if len(str(values.get(name, ""))) > most), None)
    if too_long:
        raise _bad_field(endpoint, too_long)
    if values.get("FID_COND_MRKT_DIV_CODE", "J") not in endpoint.markets:
        message = "ERROR INVALID FID_COND_MRKT_DIV_CODE"
        raise GatewayRefusalError("OPSQ2001", message, status=200, rt_cd="2")
    return values


def check_headers(headers: Mapping[str, str], method: str, values: dict[str, str] | None, *, strict: bool) -> None:
    """Refuse missing or wrong headers."""
    if not headers.get("tr_id"):
        raise GatewayRefusalError("OPSQ9999", "TR_ID NOT FOUND")
    if headers.get("custtype", "" if strict else "P") not in _CUSTOMERS:
        raise GatewayRefusalError("EGW00208", "custtype이 유효하지 않습니다.")
    if not strict or method != "POST":
        return
    if "application/json" not in headers.get("content-type", ""):
        raise GatewayRefusalError("EGW00132", "유효하지 않은 Content-Type 입니다.")
    if headers.get("hashkey") and headers["hashkey"] != hash_of(values):
        raise GatewayRefusalError("EGW00131", "유효하지 않은 hashkey 입니다.")


def hash_of(body: Any) -> str:
    """Return the hash key of an order body."""
    return sha256(json.dumps(body, ensure_ascii=False).encode()).hexdigest()


def _bad_field(endpoint: Endpoint, name: str) -> GatewayRefusalError:
    if endpoint.method == "POST":
        return _bad_body(name)
    return GatewayRefusalError("OPSQ2002", f"ERROR INVALID FIELD LENGTH [{name}]", status=200, rt_cd="2")


def _bad_body(name: str) -> GatewayRefusalError:
    return GatewayRefusalError("IGW00007", f"MCA 전문바디 구성 중 오류가 발생하였습니다.({name})")


def _is_account(values: Mapping[str, str]) -> bool:
    number, product = str(values["CANO"]), str(values["ACNT_PRDT_CD"])
    return number.isdigit() and len(number) == _ACCOUNT_DIGITS and product.isdigit() and len(product) == 2
