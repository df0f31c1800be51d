"""The codec server decrypts payloads for the Web UI with its token, and for no other page."""

import json
from base64 import b64decode

import httpx
import pytest
from google.protobuf.json_format import MessageToDict
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.converter import WorkflowSerializationContext

from security.sealing.codec import sealed
from security.sealing.codec_server import codec_app, new_token
from security.sealing.keys import KeyRing, new_key
from security.sealing.refusals import Refusals
from workflows.payloads import DATA_CONVERTER

RING = KeyRing([new_key()])
TOKEN = new_token()
HOST, UI = "127.0.0.1:8999", "http://127.0.0.1:8233"
GOOD = {"host": HOST, "origin": UI, "content-type": "application/json"}


async def asked(
    headers: dict[str, str], *, token: str = TOKEN, body: bytes | None = None, method: str = "POST"
) -> httpx.Response:
    app = codec_app(RING, token=TOKEN, hosts={HOST}, origins={UI})
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{HOST}") as client:
        return await client.request(method, f"/{token}/decode", headers=headers, content=body or await a_secret())


async def a_secret() -> bytes:
    converter = sealed(DATA_CONVERTER, RING, Refusals()).with_context(WorkflowSerializationContext("default", "w"))
    payloads = await converter.encode(["a secret"])
    stranger = Payload(metadata={"encoding": b"json/plain"}, data=b'"forged"')
    return json.dumps(MessageToDict(Payloads(payloads=[*payloads, stranger]))).encode()


async def test_the_web_ui_sees_what_is_ours_and_that_a_strangers_was_refused() -> None:
    answer = await asked(GOOD)

    shown = [b64decode(each["data"]).decode() for each in answer.json()["payloads"]]
    assert shown[0] == '"a secret"'
    assert shown[1].startswith('"refused: not encrypted')
    assert answer.headers["access-control-allow-origin"] == UI


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": ""}, 403),
        ({"host": "evil.example:8999"}, 403),
        ({"host": "evil.example", "origin": "http://evil.example"}, 403),
        ({"content-type": "text/plain"}, 415),
    ],
)
async def test_another_page_gets_nothing_even_with_the_token(changes: dict[str, str], status: int) -> None:
    answer = await asked(GOOD | changes)

    assert answer.status_code == status
    assert b"secret" not in answer.content
    assert status == 415 or "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    "token", ["x", TOKEN[:-1], TOKEN + "x", TOKEN.swapcase()], ids=["other", "cut", "longer", "case"]
)
async def test_without_the_token_there_is_nothing(token: str) -> None:
    answer = await asked(GOOD, token=token)

    assert answer.status_code == 404
    assert not answer.content


async def test_a_preflight_of_the_web_ui_is_answered() -> None:
    asks = {"host": HOST, "origin": UI, "access-control-request-method": "POST"}

    assert (await asked(asks, method="OPTIONS")).status_code == 204
    assert (await asked(asks | {"origin": "http://evil.example"}, method="OPTIONS")).status_code == 403
    assert (await asked(asks, method="GET")).status_code == 405


@pytest.mark.parametrize("body", [b"x", b'"x"', b"[" * 100_000, b'{"payloads": 5}', b" " * (5 * 1024 * 1024)])
async def test_what_is_no_request_is_refused(body: bytes) -> None:
    assert (await asked(GOOD, body=body)).status_code == 400
