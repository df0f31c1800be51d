"""Two completely wrong servers: one sends nothing or refuses, the other accepts everything."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from threading import Thread
from typing import Any, Final

from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from tools.conformance.kis import Access

IN_SESSION: Final = "2026-11-23T10:00:00+09:00"
_TOKENS = count()
NOTHING: Final[dict[str, Any]] = {}
YES: Final[dict[str, Any]] = {
    "rt_cd": "0",
    "msg_cd": "MCA00000",
    "msg1": "",
    "code": 200,
    "ctx_area_fk100": "",
    "ctx_area_nk100": "",
    "output": {
        "stck_prpr": "1",
        "stck_llam": "70000",
        "stck_mxpr": "100000",
        "hts_kor_isnm": "a name",
        "aspr_unit": "7",
        "prdy_vrss": "1",
        "prdy_vrss_sign": "5",
        "ODNO": "1",
        "KRX_FWDG_ORD_ORGNO": "1",
        "ORD_TMD": "1",
        "class": "no name for a field",
    },
    "output1": [],
    "output2": [{}],
}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    said: dict[str, Any]
    market_time: str

    def do_GET(self) -> None:
        length = int(self.headers.get("content-length", 0))
        self.rfile.read(length)
        token = {"access_token": f"{next(_TOKENS):0400}", "token_type": "?"}
        always: dict[str, dict[str, Any]] = {"/oauth2/Approval": {"approval_key": "yes"}}
        always |= {"/oauth2/tokenP": token, "/control/status": {"market_time": self.market_time}}
        content = json.dumps(always.get(self.path, self.said)).encode()
        self.send_response_only(200)
        names = {"content-type": "text/plain", "content-length": str(len(content))}
        for name, value in (names | ({"tr_cont": "M"} if self.said else {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_GET  # noqa: N815 - the library's name

    def log_message(self, *_: object) -> None:
        """Suppress logging."""


@contextmanager
def a_server_that_says(said: dict[str, Any], service: str, market_time: str = IN_SESSION) -> Iterator[Access]:
    """Serve one reply to everything except tokens and the clock."""
    handler = type("Handler", (_Handler,), {"said": said, "market_time": market_time})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield Access(
            rest_url=f"http://127.0.0.1:{server.server_address[1]}",
            stream_url="ws://127.0.0.1:9",
            service=service,
            app_key="k" * 36,
            app_secret="s" * 180,
            account="12345678",
            product="01",
            hts_id="somebody",
            pace=0.0,
            limit=2,
            may_order=True,
            is_simulated=True,
        )
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@asynccontextmanager
async def a_stream_that_says(said: dict[str, Any]) -> AsyncIterator[str]:
    """Serve a WebSocket that grants or refuses everything and sends invalid frames and pings; yield its URL."""
    grants = said is YES
    body: dict[str, Any] = {"rt_cd": "0" if grants else "1", "msg_cd": "OPSP0000" if grants else "?", "msg1": "?"}
    body |= {"output": {"iv": "1", "key": "2"}} if grants else {}
    reply = json.dumps({"header": {"tr_id": "?", "tr_key": "?", "encrypt": "?"}, "body": body})
    ping = json.dumps({"header": {"tr_id": "PINGPONG", "datetime": "?" * 200}, "body": {}})
    frames = [f"0|{tr_id}|1|what^ever" for tr_id in ("H0STCNT0", "H0STASP0", "H0STCNI0", "H0STCNI9")]

    async def answer(connection: ServerConnection) -> None:
        async for _ in connection:
            for text in (*frames, ping, reply):
                await connection.send(text)

    def door(connection: ServerConnection, request: Request) -> Response | None:
        if grants or request.path == "/tryitout":
            return None
        return connection.respond(HTTPStatus.NOT_FOUND, "no")

    async with serve(answer, "127.0.0.1", 0, process_request=door) as server:
        yield f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"
