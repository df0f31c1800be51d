"""The ASGI application: KIS's paths, OAuth and the control API over one simulation."""

import json
from collections.abc import Collection
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from simulator.approvals import ApprovalTooSoonError
from simulator.control import control_routes
from simulator.gateway import Gateway, ReplyDroppedError, one_slash
from simulator.input_checks import hash_of
from simulator.krx.sessions import in_seoul
from simulator.page.routes import page_routes
from simulator.proof import proof_routes
from simulator.services import Service
from simulator.settings import PAPER, SimulationSettings
from simulator.simulation import Simulation
from simulator.stream.control import stream_routes
from simulator.stream.stream import Stream
from simulator.tokens import LIFE, TokenRefusedError
from simulator.wire import failure

_JSON = "application/json; charset=utf-8"


def create_simulation(settings: SimulationSettings) -> Simulation:
    """Build a simulated broker. With a journal folder it restores the books from there."""
    return Simulation(settings)


def create_app(simulation: Simulation, paper_ports: Collection[int] = ()) -> ASGIApp:
    """Return the ASGI application of a simulation, for a server or for ``httpx.ASGITransport``.

    The paper service answers requests on ``paper_ports``; the main service answers all others.
    """
    stream = Stream(simulation)
    asked_for = _service_app(simulation, simulation.service, stream)
    if not paper_ports:
        return TitleCaseHeaders(asked_for)
    paper = _service_app(simulation, simulation.services[PAPER], stream)

    async def by_port(scope: Scope, receive: Receive, send: Send) -> None:
        app = paper if scope["server"][1] in paper_ports else asked_for
        await app(scope, receive, send)

    return TitleCaseHeaders(by_port)


def _service_app(simulation: Simulation, service: Service, stream: Stream) -> ASGIApp:
    desk = _OAuth(simulation, service)
    gateway = Gateway(simulation, service)

    async def talk(websocket: WebSocket) -> None:
        await stream.serve(websocket, service)

    async def uapi(request: Request) -> Response:
        try:
            answer = await gateway.answer(request)
        except ReplyDroppedError:
            return _CutConnection()
        headers = {"tr_id": request.headers.get("tr_id", ""), "tr_cont": answer.tr_cont, "gt_uid": _trace_id(request)}
        return Response(answer.content, answer.status, headers, _JSON)

    control = [*page_routes(simulation), *proof_routes(), *control_routes(simulation), *stream_routes(stream)]
    routes = [
        Route("/oauth2/tokenP", desk.token, methods=["POST"]),
        Route("/oauth2/revokeP", desk.revoke, methods=["POST"]),
        Route("/oauth2/Approval", desk.approval, methods=["POST"]),
        Route("/uapi/hashkey", desk.hashkey, methods=["POST"]),
        Route("/control", _to_the_page, methods=["GET"]),
        Mount("/control", routes=control),
        Route("/{path:path}", uapi, methods=["GET", "POST"]),
        WebSocketRoute("/{path:path}", talk),
    ]
    return Starlette(routes=routes)


async def _to_the_page(_: Request) -> Response:
    return RedirectResponse("/control/")


class TitleCaseHeaders:
    """Send ``Content-Type`` in title case as KIS does. Clients that collect lower-case headers fail on the hyphen."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_in_title_case(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [(_title(name), value) for name, value in message["headers"]]
            await send(message)

        await self._app({**scope, "path": one_slash(scope["path"])}, receive, send_in_title_case)


class _CutConnection(Response):
    """Ends the connection without a reply. In-process callers get ``ReplyDroppedError``."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Abort the transport that the server provides."""
        transport = scope.get("extensions", {}).get("simulator.transport")
        if transport is None:
            raise ReplyDroppedError("the reply was dropped")
        transport.abort()
        while (await receive())["type"] != "http.disconnect":
            pass


def _title(name: bytes) -> bytes:
    return name.title() if b"-" in name else name


class _OAuth:
    """Access tokens, approval keys and body hashes. These replies have no envelope."""

    def __init__(self, simulation: Simulation, service: Service) -> None:
        self._simulation = simulation
        self._service = service

    async def token(self, request: Request) -> Response:
        """Issue an access token."""
        body = await self._arrived(request)
        try:
            keys = str(body.get("appkey", "")), str(body.get("appsecret", ""))
            token = self._simulation.issue_token(*keys, self._service.environment)
        except TokenRefusedError as error:
            return _refused(error)
        return _plain(
            {
                "access_token": token.text,
                "access_token_token_expired": in_seoul(token.expires_at).strftime("%Y-%m-%d %H:%M:%S"),
                "token_type": "Bearer",
                "expires_in": int(LIFE.total_seconds()),
            }
        )

    async def revoke(self, request: Request) -> Response:
        """Revoke an access token."""
        body = await self._arrived(request)
        self._simulation.revoke_token(str(body.get("token", "")), self._service.environment)
        return _plain({"code": 200, "message": "접근토큰 폐기에 성공하였습니다"})

    async def approval(self, request: Request) -> Response:
        """Issue a WebSocket approval key. The secret's field is ``secretkey`` here.

        The key is valid for the streams of the service that knows the app key: python-kis asks the paper host for both.
        """
        body = await self._arrived(request)
        app_key = str(body.get("appkey", ""))
        service = self._simulation.service_that_knows(app_key) or self._service
        try:
            service.tokens.check_key(app_key, str(body.get("secretkey", "")))
            approval = service.approvals.issue(app_key, self._simulation.real_now())
        except TokenRefusedError as error:
            return _refused(error)
        except ApprovalTooSoonError:
            too_fast = failure("EGW00201", "초당 거래건수를 초과하였습니다.")
            return _plain(dict(too_fast.body), too_fast.status)
        return _plain({"approval_key": approval.text})

    async def hashkey(self, request: Request) -> Response:
        """Return the hash of an order body."""
        body = await self._arrived(request)
        return _plain({"BODY": body, "HASH": hash_of(body)})

    async def _arrived(self, request: Request) -> dict[str, Any]:
        try:
            body = json.loads(await request.body() or b"{}")
        except ValueError:
            body = {}
        body = body if isinstance(body, dict) else {}
        key = str(body.get("appkey", "") or request.headers.get("appkey", ""))
        self._service.calls.arrive(f"oauth {key}", one_slash(request.url.path), "", self._simulation.real_now())
        return body


def _plain(body: dict[str, Any], status: int = 200) -> Response:
    return JSONResponse(body, status, media_type=_JSON)


def _refused(error: TokenRefusedError) -> Response:
    return _plain({"error_description": error.message, "error_code": error.code}, 403)


def _trace_id(request: Request) -> str:
    return request.headers.get("gt_uid", "")
