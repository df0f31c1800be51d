"""Of all requests that strangers can send, none gets in: nothing is shown, commanded or left behind."""

# ruff: noqa: T201 - it prints its figures

import asyncio
import json
import os
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fleet.fleet import Fleet
from tests.support.tls_relay import certificate_files
from tests.web.attacks import GETS, POSTS, Attack, Target, answered, attacks_on
from tests.web.serving import Secured, Served, served
from web import answers
from web.access.passwords import Passwords, Role
from web.commands.wanted import Wanted
from web.server import BoundedProtocol

PRIVATE = re.compile(
    rb"event: |id=\"positions\"|data-act=|quarantined|exits\.stop_loss|secret|root:x:|argon2id", re.IGNORECASE
)
"""What only a browser that has entered may see, or what a stranger would like to find."""


class Doing:
    """Notes each command that was carried out: there must be none."""

    def __init__(self) -> None:
        self.done: list[Wanted] = []

    async def perform(self, wanted: Wanted) -> dict[str, Any]:
        self.done.append(wanted)
        return {"well": True, "lines": []}


@pytest.fixture
def doing() -> Doing:
    return Doing()


@pytest.fixture(params=["link", "password"])
async def page(fleet: Fleet, tmp_path: Path, doing: Doing, request: pytest.FixtureRequest) -> AsyncIterator[Served]:
    (tmp_path / "secret.html").write_text("secret")
    (tmp_path / "reports").mkdir()
    secured = None
    if request.param == "password":
        passwords = Passwords(tmp_path / "kept")
        passwords.put(Role.OPERATOR, "the operator's password")
        secured = Secured(*certificate_files(tmp_path), passwords)
    async with served(fleet, doing.perform, tmp_path, secured=secured) as found:
        yield found


def gets_in(attack: Attack, reply: bytes) -> bool:
    """Return whether a reply shows or grants something; an odd body of an operator may get an error or a plan."""
    status = int(reply[9:12]) if reply.startswith(b"HTTP/1.1 ") else 0
    if attack.kind == "odd body":
        return status == 200
    to_the_door = status == 303 and b"location: /\r\n" in reply
    shows = PRIVATE.search(reply.partition(b"\r\n\r\n")[2]) or b"set-cookie:" in reply.lower()
    return not (status == 0 or status >= 400 or to_the_door) or bool(shows)


def batched(attacks: Iterator[Attack]) -> Iterator[list[Attack]]:
    while some := list(islice(attacks, 16)):
        yield some


@pytest.mark.slow
async def test_no_request_of_a_stranger_gets_in(page: Served, doing: Doing, tmp_path: Path) -> None:
    access = page.access
    token = access.sessions.begin(Role.OPERATOR, "127.0.0.1", access._stamp(Role.OPERATOR))
    tried: Counter[str] = Counter()
    for some in batched(attacks_on(Target(page, token))):
        replies = await asyncio.gather(*(answered(page, each) for each in some))
        for attack, reply in zip(some, replies, strict=True):
            tried[attack.kind] += 1
            assert not gets_in(attack, reply), (attack, reply[:2000])
            assert b"Traceback" not in reply

    assert doing.done == []
    assert (await page.browser.get(f"{page.origin}/assets/page.css")).status_code == 200, "it still answers"
    print(f"{page.origin.partition(':')[0]}: {tried.total()} tried, 0 let in: {dict(tried)}")
    assert tried.total() > 600


async def test_the_attacks_would_show_if_the_door_were_open(page: Served) -> None:
    access = page.access
    token = access.sessions.begin(Role.OPERATOR, "127.0.0.1", access._stamp(Role.OPERATOR))
    host, cookie = page.origin.partition("//")[2], ("Cookie", f"{access.cookie_name}={token}")
    for path in ("/", "/live", "/decisions"):
        attack = Attack("the owner", "GET", f"/{access.room}{path}", (("Host", host), cookie))
        assert gets_in(attack, await answered(page, attack)), path


async def test_slow_and_unfinished_requests_are_given_up(page: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BoundedProtocol, "asks_within", 0.2)
    monkeypatch.setattr(answers, "_READ_WITHIN", 0.2)
    access = page.access
    token = access.sessions.begin(Role.OPERATOR, "127.0.0.1", access._stamp(Role.OPERATOR))
    host, room = page.origin.partition("//")[2], f"/{access.room}"
    head = f"Host: {host}\r\nOrigin: {page.origin}\r\nContent-Type: application/json\r\n"
    owners = f"POST {room}/plan HTTP/1.1\r\n{head}Cookie: {access.cookie_name}={token}\r\n"
    slow = {
        "": b"",
        "a head that does not end": f"GET {room}/ HTTP/1.1\r\nHost: {host}\r\nX: ".encode(),
        "a body that does not end": f"{owners}Content-Length: 100\r\n\r\n{{".encode(),
        "chunks that do not end": f"{owners}Transfer-Encoding: chunked\r\n\r\n1\r\n{{\r\n".encode(),
        "a second head that does not end": f"GET /assets/page.css HTTP/1.1\r\nHost: {host}\r\n\r\nGET /".encode(),
    }
    for name, text in slow.items():
        reply = await raw(page, text)
        assert b" 200 " not in reply.partition(b"\r\n")[0] or name.startswith("a second"), (name, reply)
    print(f"slow: {len(slow)} tried, 0 held")


async def raw(page: Served, text: bytes) -> bytes:
    """Send the beginning of a request and wait until the server gives up."""
    return await answered(page, _Raw("slow", "", "", (), text))


class _Raw(Attack):
    def bytes(self) -> bytes:
        return self.body


async def test_connections_are_bounded(page: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BoundedProtocol, "most_connections", 5)
    host, port = page.origin.partition("//")[2].split(":")
    held = [await asyncio.open_connection(host, int(port)) for _ in range(8)]
    if page.origin.startswith("http:"):
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await held[-1][0].readexactly(1)
    for _, writer in held:
        writer.transport.abort()
    while page.server.server_state.connections:
        await asyncio.sleep(0.02)
    assert (await page.browser.get(f"{page.origin}/assets/page.css")).status_code == 200


EXAMPLES = int(os.environ.get("HARU_PAGE_FUZZ", "200"))
"""Invented requests for each way in; CI invents few, a command of CONTRIBUTING.md many."""
Send = Callable[[httpx.Request], httpx.Response]
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
HEADERS = ("host", "origin", "cookie", "content-type", "x-forwarded-for", "x-forwarded-proto", "accept", "range")
JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=8,
)
NAMES = st.sampled_from(["act", "worker", "plan", "password", "code", "rule", "value", "intent", "number", "reason"])
OBJECTS = st.dictionaries(NAMES, JSON | st.sampled_from(["close", "rules", "adopt", "all"]), max_size=6)


@pytest.mark.slow
async def test_invented_requests_get_in_nowhere(page: Served, doing: Doing) -> None:
    tried: Counter[int] = Counter()
    loop = asyncio.get_running_loop()
    async with httpx.AsyncClient(base_url=page.origin, timeout=60, verify=False) as stranger:

        def send(request: httpx.Request) -> httpx.Response:
            return asyncio.run_coroutine_threadsafe(stranger.send(request), loop).result()

        await asyncio.to_thread(_invent, page, stranger, send, tried)
    print(f"{page.origin.partition(':')[0]}, invented: {tried.total()} tried, 0 let in: {dict(tried)}")
    assert doing.done == []
    assert tried.total() > EXAMPLES // 2


def _invent(page: Served, stranger: httpx.AsyncClient, send: Send, tried: Counter[int]) -> None:
    room, host = f"/{page.access.room}", page.origin.partition("//")[2]
    known = st.sampled_from([*(room + each for each in (*GETS, *POSTS)), "/", "/login", "/assets/page.js"])
    longer = st.tuples(known, TEXTS).map("".join)
    visible = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=80)
    headers = st.dictionaries(st.sampled_from(HEADERS), visible.map(str.strip), max_size=5)
    bodies = OBJECTS.map(lambda each: json.dumps(each).encode()) | st.binary(max_size=200)

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(st.sampled_from(["GET", "POST", "HEAD", "PUT"]), known | longer, headers, bodies, st.booleans())
    def invented(method: str, path: str, headers: dict[str, str], body: bytes, is_here: bool) -> None:
        sent = {**headers, **({"host": host, "origin": page.origin} if is_here else {})}
        try:
            request = stranger.build_request(method, quote(path), headers=sent, content=body)
            reply = send(request)
        except (httpx.InvalidURL, httpx.LocalProtocolError):
            return  # the client refuses to send it
        tried[reply.status_code] += 1
        is_asset = reply.status_code == 200 and path.startswith("/assets/")
        to_the_door = reply.status_code == 303 and reply.headers["location"] == "/"
        assert reply.status_code >= 400 or is_asset or to_the_door, (method, path, reply.status_code)
        assert reply.status_code != 500, (method, path)
        assert is_asset or not PRIVATE.search(reply.content), (method, path, reply.content[:300])
        assert "set-cookie" not in reply.headers

    invented()
