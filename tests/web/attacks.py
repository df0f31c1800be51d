"""Requests of strangers: everything that we know how to try against the page's door."""

import asyncio
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Final
from urllib.parse import urlsplit

from tests.web.serving import Served

Headers = tuple[tuple[str, str], ...]
GETS: Final = (
    *("", "/", "/live", "/rules", "/decisions", "/positions/p-1"),
    *("/reports/index.html", "/backtests/b/page.html"),
)
POSTS: Final = ("/plan", "/act", "/logout")
WHOLE: Final = b'{"act": "close"}'
_TRAVERSALS: Final = (
    *("/reports/../secret.html", "/reports/..%2fsecret.html", "/reports/%2e%2e/secret.html"),
    *("/reports/..%5csecret.html", "/assets/../app.py", "/assets/%2e%2e%2fapp.py", "//etc/passwd"),
    *("/%2e%2e/%2e%2e/etc/passwd", "/reports/%00.html", "/reports/....//secret.html", "/backtests/%2e%2e/page.html"),
    *("/web/passwords.json", "/reports/%c0%ae%c0%ae/x.html", "/kept/web/passwords.json", "/assets/login.js%00.html"),
)
_HOSTS: Final = (
    *("evil.example", "", "127.0.0.1", "localhost:1", "127.0.0.1.evil.example:{port}", "{host}, evil.example"),
    *("evil.example:{port}", "{host}/", "user@{host}", "[::]:{port}"),
)
_ORIGINS: Final = (
    *("http://evil.example", "null", "", "{origin}.evil.example", "{origin}@evil.example", "file://", "{other}"),
    *("{origin}/", "{origin}, http://evil.example"),
)
_TYPES: Final = ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "", "text/json")
_METHODS: Final = ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "HEAD", "BREW")
_BODIES: Final = (
    *(b"", b"[]", b"null", b"{", b'{"act": 1}', b'{"act": "close", "worker": 7}', b"[" * 3000, b"\xff\xfe", b"1e999"),
    *(b'{"act": "sell everything"}', b'{"plan": ["x"]}', b'{"plan": "guessed"}', b'{"act": "close\\u0000"}'),
    *(b'{"plan": "\\ud800"}', b'{"act": "rules", "rule": "x"}', b'{"act": "adopt"}', b'{"__proto__": 1}'),
    *(b'{"act": "' + b"a" * 3000 + b'"}', b"x" * 100_000, b'{"plan": "' + b"b" * 5000 + b'"}'),
)
_LOGINS: Final = (b"{}", b'{"password": "", "code": ""}', b'{"password": {}, "code": []}', b'{"password": "x"}')
_COOKIES: Final = (
    *("", "x", "../../x", "%00", "a=b; c=d", '"', "é", "A" * 7000, "{token}x", "x{token}", "{half}", "0" * 43),
    *("{name}=x", "{upper}", "null", "true", "' OR 1=1 --"),
)
_KEYS: Final = ("", "x", "A" * 5000, "%00", "'%20OR%201=1", "%ff%fe", "the-key-of-this-pag", "THE-KEY-OF-THIS-PAGE")
_SPLIT: Final = (
    *("/%0d%0aSet-Cookie:%20x=y", "/?lang=%0d%0aX:y", "/?key=%0d%0aSet-Cookie:x=y", "/reports/a%0d%0ab.html"),
    *("/?lang=ko&lang=%0a", "/live?lang=%0d%0a%0d%0a"),
)


@dataclass(frozen=True)
class Attack:
    """One request: its kind, head and body. ``is_known``: it carries the cookie of a browser that has entered."""

    kind: str
    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""

    def bytes(self) -> bytes:
        """Return the request as it is sent; nothing between us and the server corrects it."""
        lines = [f"{self.method} {self.path} HTTP/1.1", *(f"{name}: {value}" for name, value in self.headers)]
        lines += [f"Content-Length: {len(self.body)}", "Connection: close"]
        return "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + self.body


@dataclass(frozen=True)
class Target:
    """The page under attack. ``token`` is that of an operator's session, for attacks that misuse one."""

    page: Served
    token: str

    @property
    def host(self) -> str:
        return urlsplit(self.page.address).netloc

    @property
    def room(self) -> str:
        return urlsplit(self.page.address).path

    @property
    def known(self) -> tuple[str, str]:
        """Return the cookie of the session."""
        return "Cookie", f"{self.page.access.cookie_name}={self.token}"

    @property
    def ours(self) -> tuple[tuple[str, str], ...]:
        """Return what the page's own script sends."""
        return ("Host", self.host), ("Origin", self.page.origin), ("Content-Type", "application/json")

    def filled(self, text: str) -> str:
        """Return a text with this page's names in its gaps."""
        where, token = urlsplit(self.page.address), self.token
        other = "http" if where.scheme == "https" else "https"
        words = {"host": where.netloc, "port": str(where.port), "origin": self.page.origin}
        words |= {"other": f"{other}://{where.netloc}", "name": self.page.access.cookie_name}
        words |= {"token": token, "half": token[: len(token) // 2], "upper": token.swapcase()}
        for word, value in words.items():
            text = text.replace(f"{{{word}}}", value)
        return text

    def attack(self, kind: str, path: str, headers: tuple[tuple[str, str], ...], body: bytes = WHOLE) -> Attack:
        """Return an attack on a path of the page, by its usual method."""
        return Attack(kind, "POST" if path in POSTS else "GET", self.room + path, headers, body)


def attacks_on(target: Target) -> Iterator[Attack]:
    """Yield all attacks."""
    for each in (_strangers, _cross_site, _other_hosts, _injections, _paths, _bodies, _methods, _broken):
        yield from each(target)


def _strangers(target: Target) -> Iterator[Attack]:
    """Yield requests without a session, with a wrong cookie, with a guessed key, and guessed logins."""
    for path in (*GETS, *POSTS):
        yield target.attack("without a token", path, target.ours)
        for cookie in map(target.filled, _COOKIES):
            sent = (*target.ours, ("Cookie", f"{target.page.access.cookie_name}={cookie}"))
            yield target.attack("bad cookie", path, sent)
    for key in (*_KEYS, target.page.access.room, target.token):
        yield Attack("guessed key", "GET", f"/?key={key}", (("Host", target.host),))
    for body in (*_LOGINS, *_BODIES):
        yield Attack("login", "POST", "/login", target.ours, body)


def _cross_site(target: Target) -> Iterator[Attack]:
    """Yield commands with a right cookie that another site, or another page of this machine, would cause."""
    host, origin, kind = target.ours
    sent: list[Headers] = [(host, ("Origin", target.filled(each)), kind) for each in _ORIGINS]
    sent += [(host, origin, ("Content-Type", each)) for each in _TYPES]
    sent += [(host, kind), (host, origin), (*target.ours, ("Origin", "http://evil.example"))]
    known: list[Headers] = [(*each, target.known) for each in sent]
    known += [(*target.ours, ("Sec-Fetch-Site", each), target.known) for each in ("cross-site", "same-site", "none")]
    for path, headers in product(POSTS, known):
        yield target.attack("cross-site", path, headers)


def _other_hosts(target: Target) -> Iterator[Attack]:
    host, *rest = target.ours
    for path, false in product((*GETS[1:], *POSTS), map(target.filled, _HOSTS)):
        yield target.attack("other host", path, (("Host", false), *rest, target.known))
        yield target.attack("other host", path, (host, ("Host", false), *rest, target.known))


def _injections(target: Target) -> Iterator[Attack]:
    for path, name in product((*GETS[1:], *POSTS), ("X-Forwarded-Host", "X-Original-URL", "X-Rewrite-URL")):
        false = ((name, f"{target.room}/"), ("X-Real-IP", "127.0.0.1"), ("X-Forwarded-For", "127.0.0.1"))
        yield target.attack("header injection", path, (*target.ours, *false))
    for path, base in product(_SPLIT, ("", target.room)):
        yield Attack("header injection", "GET", base + path, (("Host", target.host),))


def _paths(target: Target) -> Iterator[Attack]:
    for path, base in product(_TRAVERSALS, ("", target.room)):
        yield Attack("path traversal", "GET", base + path, (("Host", target.host), target.known))


def _bodies(target: Target) -> Iterator[Attack]:
    for path, body in product(("/plan", "/act"), _BODIES):
        yield target.attack("odd body", path, (*target.ours, target.known), body)


def _methods(target: Target) -> Iterator[Attack]:
    for path, method in product((*GETS, *POSTS), _METHODS):
        if not (method == "HEAD" and path in GETS):
            yield Attack("other method", method, target.room + path, (*target.ours, target.known), WHOLE)


def _broken(target: Target) -> Iterator[Attack]:
    """Yield requests that are no HTTP, or disagree with themselves about where they end."""
    host, room, known = target.host, target.room, target.known
    smuggled = (("Host", host), known, ("Transfer-Encoding", "chunked"))
    inner = f"0\r\n\r\nPOST {room}/act HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
    yield Attack("smuggling", "POST", f"{room}/plan", smuggled, inner)
    yield Attack("smuggling", "POST", f"{room}/plan", (*smuggled[:2], ("Transfer-Encoding", "xchunked")), inner)
    yield Attack("smuggling", "POST", f"{room}/plan", (*smuggled[:2], ("Content-Length", "1")), inner)
    yield Attack("smuggling", "GET /x HTTP/1.1\r\nHost: evil\r\n\r\nGET", room, (("Host", host),))
    for name in ("A B", "A\x00", "A\r\n B", ""):
        yield Attack("header injection", "GET", f"{room}/", (("Host", host), (name, "x")))
    yield Attack("header injection", "GET", f"{room}/", (("Host", host), ("X", "a" * 200_000)))


async def answered(page: Served, attack: Attack) -> bytes:
    """Send an attack and return all that comes back; a stream's beginning is enough."""
    where = urlsplit(page.origin)
    context = None
    if where.scheme == "https":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    reader, writer = await asyncio.open_connection(where.hostname, where.port, ssl=context)
    reply = bytearray()
    try:
        writer.write(attack.bytes())
        await writer.drain()
        while b"event: " not in reply and (chunk := await reader.read(65_536)):
            reply += chunk
    except (ConnectionError, ssl.SSLError):
        pass
    finally:
        writer.transport.abort()
    return bytes(reply)
