"""The gateway: rate limit, credentials, token, TR id and input checks, and injected faults."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from starlette.requests import Request

from simulator.clock import kst_instant, market_text
from simulator.endpoint import Endpoint
from simulator.endpoints import ENDPOINTS
from simulator.faults import CallFacts, FaultKind, FaultRule
from simulator.input_checks import check_headers, check_input
from simulator.not_served import NO_SERVICE, Kind, why_not
from simulator.odd_rows import with_odd_rows
from simulator.official import refused_by_name
from simulator.refusals import OrderRefusedError
from simulator.services import Service
from simulator.simulation import Simulation
from simulator.tokens import TokenRefusedError
from simulator.trading import BUY_IDS, SELL_IDS
from simulator.wire import Call, GatewayRefusalError, Reply, failure, refused

_GARBAGE: Final = b"<html><body><h1>Service Temporarily Unavailable</h1></body></html>"
_HALF_OPEN_SECONDS: Final = 3_600.0
_SYMBOL_KEYS: Final = ("PDNO", "FID_INPUT_ISCD", "FID_INPUT_ISCD_1")


class ReplyDroppedError(ConnectionResetError):
    """Cut the connection instead of replying."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The final reply in bytes."""

    content: bytes
    status: int
    tr_cont: str


class Gateway:
    """Answers every ``/uapi`` call of one service."""

    def __init__(self, simulation: Simulation, service: Service) -> None:
        self._simulation = simulation
        self._service = service

    async def answer(self, request: Request) -> Answer:
        """Answer a request and apply the faults that are due."""
        path = one_slash(request.url.path)
        tr_id = request.headers.get("tr_id", "")
        values = await _values(request)
        faults = self._due_faults(path, tr_id, values or {})
        passes = self._service.calls.arrive(request.headers.get("appkey", ""), path, tr_id, self._simulation.real_now())
        await _sleep(faults, FaultKind.DELAY_BEFORE)
        await _sleep(faults, FaultKind.LATENCY)
        early = self._before(faults)
        if early is not None:
            return early
        reply = self._checked(request, path, values, faults) if passes else _too_fast()
        await _sleep(faults, FaultKind.DELAY)
        await _hold_open(faults)
        return _after(faults, _encoded(with_odd_rows(faults, path, reply)))

    def _due_faults(self, path: str, tr_id: str, values: Mapping[str, Any]) -> list[FaultRule]:
        side = "buy" if tr_id in BUY_IDS else "sell" if tr_id in SELL_IDS else ""
        symbol = next((str(values[key]).strip() for key in _SYMBOL_KEYS if values.get(key)), "")
        at = market_text(self._simulation.market_now())
        due = self._simulation.faults.due(CallFacts(path, tr_id, side, symbol, self._service.environment, at))
        if due:
            self._simulation.note_faults()
        return due

    def _before(self, faults: Sequence[FaultRule]) -> Answer | None:
        """Return the answer of the first fault that prevents the call from taking effect."""
        for fault in faults:
            match fault.kind:
                case FaultKind.DROP_BEFORE:
                    raise ReplyDroppedError(fault.kind)
                case FaultKind.REFUSE:
                    return _encoded(failure(fault.msg_cd, fault.message, status=200, rt_cd=fault.rt_cd))
                case FaultKind.HTTP_ERROR:
                    return Answer(fault.body.encode() or _GARBAGE, fault.status, "")
                case FaultKind.RATE_STORM:
                    return _encoded(_too_fast())
                case FaultKind.LEDGER_BUSY:
                    return _encoded(_ledger_busy().reply)
                case FaultKind.EXPIRE_TOKEN | FaultKind.DEAD_TOKEN:
                    self._spoil_tokens(fault)
        return None

    def _spoil_tokens(self, fault: FaultRule) -> None:
        now = self._simulation.real_now()
        if fault.kind is FaultKind.EXPIRE_TOKEN:
            self._service.tokens.expire_all(now)
        else:
            self._service.tokens.kill_all(now + timedelta(seconds=fault.seconds) if fault.seconds else None)

    def _checked(
        self, request: Request, path: str, values: dict[str, str] | None, faults: Sequence[FaultRule]
    ) -> Reply:
        simulation = self._simulation
        try:
            self._check_credentials(request)
            check_headers(request.headers, request.method, values, strict=simulation.settings.strict)
            endpoint = self._endpoint(request, path)
            values = check_input(endpoint, values)
            if endpoint.is_account and not simulation.ledger_calls.arrive("", path, "", simulation.real_now()):
                raise _ledger_busy()
            call = Call(
                simulation,
                simulation.advance() if endpoint.is_account else _shown_at(simulation, faults),
                request.headers["tr_id"],
                values,
                request.headers.get("tr_cont", ""),
                faults,
                self._service.is_paper,
            )
            if endpoint.is_account:
                self._check_account(call, request.headers["appkey"])
            return endpoint.answer(call)
        except GatewayRefusalError as refusal:
            self._note(request, path, refusal.reply)
            return refusal.reply
        except OrderRefusedError as error:
            return refused(error.refusal, paper=self._service.is_paper)
        except TokenRefusedError as error:
            return failure(error.code, error.message)

    def _note(self, request: Request, path: str, reply: Reply) -> None:
        """Report a call that is not served."""
        if reply.body["msg_cd"] == NO_SERVICE:
            tr_id, endpoint = request.headers.get("tr_id", ""), ENDPOINTS.get(path)
            kind, official = Kind(request.method, path, tr_id), refused_by_name(path, tr_id)
            why = official.refusal if official else why_not(kind, endpoint.method if endpoint else None)
            self._service.not_served.note(kind, f"{why}; {reply.body['msg1'].strip()}", NO_SERVICE)

    def _check_credentials(self, request: Request) -> None:
        headers, tokens = request.headers, self._service.tokens
        for name, code in (("appkey", "EGW00102"), ("appsecret", "EGW00104")):
            if not headers.get(name):
                raise GatewayRefusalError(code, f"{name}가 없습니다.")
        if tokens.is_foreign(headers["appkey"]):
            raise _wrong_service(paper=self._service.is_paper)
        try:
            tokens.check_key(headers["appkey"], headers["appsecret"])
        except TokenRefusedError as error:
            raise GatewayRefusalError("EGW00304", "고객식별키가 유효하지 않습니다.") from error
        tokens.check(headers.get("authorization", ""), headers["appkey"], self._simulation.real_now())

    def _endpoint(self, request: Request, path: str) -> Endpoint:
        tr_id = request.headers.get("tr_id", "")
        paper = self._service.is_paper
        endpoint = ENDPOINTS.get(path)
        if endpoint is not None and endpoint.method == request.method:
            if endpoint.takes(tr_id, paper=paper):
                return endpoint
            if endpoint.takes(tr_id, paper=not paper):
                raise _wrong_service(paper=paper)
        official = refused_by_name(path, tr_id)
        if official is not None:
            raise GatewayRefusalError("OPSQ0002", f"시뮬레이터가 제공하지 않는 서비스 입니다.({official.title})")
        raise GatewayRefusalError("OPSQ0002", "없는 서비스 코드 입니다.")

    def _check_account(self, call: Call, app_key: str) -> None:
        if not self._simulation.use_account(call.account, self._service.environment, app_key):
            raise GatewayRefusalError("OPSQ2000", "ERROR : INPUT INVALID_CHECK_ACNO", status=200, rt_cd="2")


def _shown_at(simulation: Simulation, faults: Sequence[FaultRule]) -> datetime:
    """Return the market instant that a quotation shows: an earlier one for late and stuck quotes."""
    at = simulation.advance()
    lags = [fault.drawn_seconds for fault in faults if fault.kind is FaultKind.LAG_QUOTES]
    stuck = [_start_of(fault, at) for fault in faults if fault.kind is FaultKind.STUCK_QUOTES and fault.since]
    return min(at - timedelta(seconds=max(lags, default=0.0)), *stuck, at)


def _start_of(fault: FaultRule, at: datetime) -> datetime:
    """Return when a rule began; one with a time alone begins on every day."""
    return kst_instant(market_text(at)[: -len(fault.since)] + fault.since)


def _wrong_service(*, paper: bool) -> GatewayRefusalError:
    if paper:
        return GatewayRefusalError("EGW02006", "모의투자 TR 이 아닙니다.")
    return GatewayRefusalError("EGW02004", "실전투자 TR 이 아닙니다.")


def one_slash(path: str) -> str:
    """Collapse repeated slashes, which some clients send."""
    while "//" in path:
        path = path.replace("//", "/")
    return path


async def _values(request: Request) -> dict[str, str] | None:
    """Return the query with upper-case keys, or the JSON body unchanged; None if the body is not a JSON object."""
    if request.method == "GET":
        return {name.upper(): value for name, value in request.query_params.items()}
    try:
        body = json.loads(await request.body())
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


async def _sleep(faults: Sequence[FaultRule], kind: FaultKind) -> None:
    for fault in faults:
        if fault.kind is kind:
            await asyncio.sleep(fault.drawn_seconds)


async def _hold_open(faults: Sequence[FaultRule]) -> None:
    """Keep the connection without ever replying on it: neither data nor its end arrive."""
    for fault in faults:
        if fault.kind is FaultKind.HALF_OPEN:
            await asyncio.sleep(fault.seconds or _HALF_OPEN_SECONDS)
            raise ReplyDroppedError(fault.kind)


def _after(faults: Sequence[FaultRule], answer: Answer) -> Answer:
    """Spoil the reply to a call that has taken effect."""
    for fault in faults:
        match fault.kind:
            case FaultKind.DROP_REPLY_AFTER:
                raise ReplyDroppedError(fault.kind)
            case FaultKind.ERROR_AFTER:
                body = fault.body.encode() or _encoded(failure("EGW00302", "거래시간이 초과되었습니다.")).content
                return Answer(body, fault.status, "")
            case FaultKind.GARBAGE:
                return Answer(fault.body.encode() or _GARBAGE, 200, "")
    return answer


def _ledger_busy() -> GatewayRefusalError:
    return GatewayRefusalError("EGW00215", "원장 초당 거래건수를 초과하였습니다.")


def _too_fast() -> Reply:
    return failure("EGW00201", "초당 거래건수를 초과하였습니다.")


def _encoded(reply: Reply) -> Answer:
    return Answer(reply.encoded(), reply.status, reply.tr_cont)
