"""Parts of broker tests: a scripted KIS, a token store and a rate budget without a database, and builders."""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

import httpx
from pydantic import SecretStr

from broker.kis import KisConnection
from broker.protocol import AccessToken
from domain.clock import KST
from domain.hosts import REST_URLS
from domain.identity import AccountId, Environment, IntentId, PositionId, WorkerId
from domain.lane import Crowding, Lane
from domain.market import Side, Symbol
from domain.money import Price, Quantity
from domain.order import OrderIntent, OrderPurpose, OrderType
from domain.session import SessionDate

NOON = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
DAY = SessionDate(date(2026, 11, 23))
SAMSUNG = Symbol("005930")
APP_KEY = "HARU-" + "k" * 31
APP_SECRET = "s3cret+" * 25 + "tail="
ACCOUNT = "50067821"
URLS = {
    **REST_URLS,
    Environment.SIMULATED: "http://127.0.0.1:9",
}


def market_now() -> datetime:
    return NOON


def a_connection(environment: Environment = Environment.SIMULATED) -> KisConnection:
    return KisConnection(
        environment=environment,
        trading_url=URLS[environment],
        app_key=SecretStr(APP_KEY),
        app_secret=SecretStr(APP_SECRET),
        account_number=SecretStr(ACCOUNT),
        real_time=market_now,
    )


def an_intent(side: Side = Side.BUY, limit_price: int | None = 70_000, quantity: int = 10) -> OrderIntent:
    return OrderIntent(
        intent_id=IntentId("run-1/1"),
        account_id=AccountId("simulated-1"),
        worker_id=WorkerId("worker-1"),
        position_id=PositionId("run-1/1"),
        session_date=DAY,
        symbol=SAMSUNG,
        side=side,
        quantity=Quantity(quantity),
        order_type=OrderType.MARKET if limit_price is None else OrderType.LIMIT,
        limit_price=None if limit_price is None else Price(limit_price),
        purpose=OrderPurpose.ENTRY,
        reason="momentum",
        fencing_token=1,
        decision_price=Price(70_000),
        decided_at=NOON,
    )


class Budget:
    """Grants every slot and records the requests."""

    def __init__(self) -> None:
        self.lanes: list[Lane] = []
        self.weights: list[int] = []
        self.held = 0
        self.most_held = 0
        self.learnt: list[Crowding] = []

    @asynccontextmanager
    async def slot(self, lane: Lane, weight: int = 0) -> AsyncIterator["Budget"]:
        self.lanes.append(lane)
        self.weights.append(weight)
        self.held += 1
        self.most_held = max(self.most_held, self.held)
        try:
            yield self
        finally:
            self.held -= 1

    def learn(self, crowding: Crowding) -> None:
        self.learnt.append(crowding)


@dataclass
class Tokens:
    """A token store in memory; its lock is the row lock of the real one."""

    stored: AccessToken | None = None
    attempts: list[datetime] = field(default_factory=list)
    now: Callable[[], datetime] = market_now
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def current(self) -> AccessToken | None:
        return self.stored

    @asynccontextmanager
    async def issuing(self) -> AsyncIterator["Tokens"]:
        async with self.lock:
            yield self

    async def last_issued_at(self) -> datetime | None:
        return self.attempts[-1] if self.attempts else None

    async def record_attempt(self) -> None:
        self.attempts.append(self.now())

    async def withdraw_attempt(self, previous: datetime | None) -> None:
        self.attempts.pop()
        assert await self.last_issued_at() == previous

    async def store(self, token: AccessToken) -> None:
        self.stored = token


Answer = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


class ScriptedKis:
    """Answers each path with its next scripted reply and repeats the last one; issues tokens by itself."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        self.script: dict[str, list[Answer]] = defaultdict(list)
        self.token_number = 0

    def answers(self, label: str, *replies: Answer) -> None:
        self.script[label] += replies

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        label = request.url.path.rsplit("/", 1)[-1]
        replies = self.script[label]
        if not replies and label == "tokenP":
            self.token_number += 1
            return token_reply(f"token-{self.token_number}")
        answer = replies.pop(0) if len(replies) > 1 else replies[0]
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, httpx.Response) else answer(request)

    def asked(self, label: str) -> list[httpx.Request]:
        return [request for request in self.requests if request.url.path.endswith("/" + label)]

    def body(self, label: str) -> dict[str, str]:
        found: dict[str, str] = json.loads(self.asked(label)[-1].content)
        return found


def token_reply(value: str = "token-1", life: timedelta = timedelta(hours=24)) -> httpx.Response:
    end = (NOON + life).astimezone(KST)
    body = {
        "access_token": value,
        "access_token_token_expired": f"{end:%Y-%m-%d %H:%M:%S}",
        "token_type": "Bearer",
        "expires_in": 86400,
    }
    return httpx.Response(200, json=body)


def success(tr_cont: str = "", **payload: object) -> httpx.Response:
    body = {"rt_cd": "0", "msg_cd": "MCA00000", "msg1": "정상처리 되었습니다.".ljust(80), **payload}
    return httpx.Response(200, json=body, headers={"tr_cont": tr_cont})


def failure(code: str, status: int = 500, rt_cd: str = "1", message: str = "안됩니다") -> httpx.Response:
    return httpx.Response(status, json={"rt_cd": rt_cd, "msg_cd": code, "msg1": message.ljust(80)})


def an_order_reply(**changes: str) -> httpx.Response:
    output = {"KRX_FWDG_ORD_ORGNO": "06010", "ODNO": "0000123456", "ORD_TMD": "120001"} | changes
    return success(output=output)


def an_order_row(number: int = 1, **changes: str) -> dict[str, str]:
    return {
        "ord_dt": "20261123",
        "ord_gno_brno": "06010",
        "odno": f"{number:010d}",
        "orgn_odno": "",
        "ord_dvsn_name": "지정가",
        "ord_dvsn_cd": "00",
        "sll_buy_dvsn_cd": "02",
        "sll_buy_dvsn_cd_name": "현금매수",
        "pdno": "005930",
        "prdt_name": "삼성전자",
        "ord_qty": "10",
        "ord_unpr": "70000",
        "ord_tmd": "120001",
        "tot_ccld_qty": "4",
        "tot_ccld_amt": "280000",
        "avg_prvs": "70000",
        "cncl_yn": "",
        "cnc_cfrm_qty": "0",
        "rmn_qty": "6",
        "rjct_qty": "0",
        "excg_id_dvsn_Cd": "KRX",
    } | changes


def a_price_row(**changes: str) -> dict[str, str]:
    return {
        "iscd_stat_cls_code": "55",
        "rprs_mrkt_kor_name": "KOSPI200",
        "temp_stop_yn": "N",
        "vi_cls_code": "N",
        "mrkt_warn_cls_code": "00",
        "short_over_yn": "N",
        "sltr_yn": "N",
        "mang_issu_cls_code": "N",
        "invt_caful_yn": "N",
        "stck_prpr": "70500",
        "stck_oprc": "70000",
        "stck_hgpr": "71000",
        "stck_lwpr": "69800",
        "stck_sdpr": "70100",
        "stck_mxpr": "91100",
        "stck_llam": "49100",
        "acml_vol": "3052507",
        "acml_tr_pbmn": "219853241700",
        "aspr_unit": "100",
    } | changes


def a_many_row(symbol: str = "005930", **changes: str) -> dict[str, str]:
    return {
        "inter_shrn_iscd": symbol,
        "inter_kor_isnm": "삼성전자",
        "inter2_prpr": "70500",
        "inter2_oprc": "70000",
        "inter2_hgpr": "71000",
        "inter2_lwpr": "69800",
        "inter2_llam": "49100",
        "inter2_mxpr": "91100",
        "inter2_askp": "70600",
        "inter2_bidp": "70500",
        "seln_rsqn": "120",
        "shnu_rsqn": "340",
        "acml_vol": "3052507",
        "acml_tr_pbmn": "219853241700",
        "inter2_prdy_clpr": "70100",
        "inter2_sdpr": "70100",
    } | changes


def a_holding_row(symbol: str = "005930", **changes: str) -> dict[str, str]:
    return {
        "pdno": symbol,
        "prdt_name": "삼성전자",
        "trad_dvsn_name": "현금",
        "hldg_qty": "10",
        "ord_psbl_qty": "7",
        "pchs_avg_pric": "70050.0000",
        "pchs_amt": "700500",
        "prpr": "70500",
        "loan_dt": "",
        "expd_dt": "",
    } | changes


def with_real_time(connection: KisConnection, now: Callable[[], datetime]) -> KisConnection:
    return replace(connection, real_time=now)


def with_url(connection: KisConnection, url: str) -> KisConnection:
    return replace(connection, trading_url=url)


def with_timeout(connection: KisConnection, seconds: float) -> KisConnection:
    return replace(connection, timeout=seconds)
