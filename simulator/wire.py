"""KIS's envelope: calls, replies, blank padding and paging keys (docs/kis.md §1)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from simulator.faults import FaultRule
from simulator.krx.sessions import in_seoul
from simulator.orders import AccountId
from simulator.refusals import Refusal
from simulator.simulation import Simulation

MESSAGE_WIDTH: Final = 80
KEY_WIDTH: Final = 100

Fields = dict[str, str]


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply: JSON body, HTTP status and paging header."""

    body: Mapping[str, Any]
    status: int = 200
    tr_cont: str = ""

    def encoded(self) -> bytes:
        """Return the body as UTF-8 JSON."""
        return json.dumps(self.body, ensure_ascii=False, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True)
class Call:
    """A validated request. ``values`` has upper-case keys; ``at`` is the market instant of the answer."""

    simulation: Simulation
    at: datetime
    tr_id: str
    values: Mapping[str, str]
    tr_cont: str = ""
    faults: Sequence[FaultRule] = field(default=())
    is_paper: bool = False

    @property
    def account(self) -> AccountId:
        """Return the account that the call names."""
        return AccountId(self.values["CANO"], self.values["ACNT_PRDT_CD"])


class GatewayRefusalError(Exception):
    """The gateway refuses a call before it reaches the service."""

    def __init__(self, code: str, message: str, *, status: int = 500, rt_cd: str = "1") -> None:
        super().__init__(code)
        self.reply = failure(code, message, status=status, rt_cd=rt_cd)


def failure(code: str, message: str, *, status: int = 500, rt_cd: str = "1") -> Reply:
    """Return a gateway failure: the bare envelope."""
    return Reply({"rt_cd": rt_cd, "msg_cd": code, "msg1": message}, status)


def refused(refusal: Refusal, *, paper: bool) -> Reply:
    """Return a business refusal: HTTP 200 and ``rt_cd`` other than 0."""
    codes = refusal.value
    code, rt_cd = (codes.paper, "1") if paper else (codes.real, codes.real_return)
    return Reply({"rt_cd": rt_cd, "msg_cd": code, "msg1": padded(codes.message, MESSAGE_WIDTH)})


def quotation(**output: Any) -> Reply:
    """Return a successful quotation reply."""
    return Reply({**output, "rt_cd": "0", "msg_cd": "MCA00000", "msg1": "정상처리 되었습니다."})


def ledger(code: str, message: str, output: Mapping[str, Any], tr_cont: str = "") -> Reply:
    """Return a successful ledger reply. Its message is padded with blanks."""
    head = {"rt_cd": "0", "msg_cd": code, "msg1": padded(message, MESSAGE_WIDTH)}
    return Reply({**head, **output}, tr_cont=tr_cont)


def padded(text: str, width: int) -> str:
    """Pad with blanks to a width in bytes of KIS's code page (CP949), where a Korean letter takes two."""
    return text + " " * max(0, width - len(text.encode("cp949", "replace")))


def page(call: Call, rows: Sequence[tuple[str, Fields]], size: int) -> tuple[list[Fields], Fields, str]:
    """Cut one page from keyed rows and return it with its paging keys and the ``tr_cont`` header."""
    start = 0
    after = call.values.get("CTX_AREA_NK100", "").strip()
    continued = call.tr_cont == "N" and bool(after)
    if continued:
        start = next((place + 1 for place, (key, _) in enumerate(rows) if key == after), len(rows))
    cut = rows[start : start + size]
    more = start + size < len(rows)
    echo = "^".join((*call.account, *(call.values.get(name, "") for name in ("INQR_STRT_DT", "INQR_END_DT", "PDNO"))))
    keys = {
        "ctx_area_fk100": padded(echo, KEY_WIDTH),
        "ctx_area_nk100": padded(cut[-1][0] if more else "", KEY_WIDTH),
    }
    header = ("M" if continued else "F") if more else ("E" if continued else "D")
    return [row for _, row in cut], keys, header


def sign(change: int, *, at_upper: bool = False, at_lower: bool = False) -> str:
    """Return KIS's sign code: 1 upper limit, 2 up, 3 flat, 4 lower limit, 5 down."""
    if at_upper:
        return "1"
    if at_lower:
        return "4"
    return "3" if not change else "2" if change > 0 else "5"


def percent(part: float, whole: float, digits: int = 2) -> str:
    """Return part ÷ whole in percent; 0 if whole is 0."""
    return f"{part / whole * 100 if whole else 0:.{digits}f}"


def kst_time(at: datetime) -> str:
    """Return HHMMSS in Seoul."""
    return in_seoul(at).strftime("%H%M%S")


def kst_date(at: datetime) -> str:
    """Return YYYYMMDD in Seoul."""
    return in_seoul(at).strftime("%Y%m%d")
