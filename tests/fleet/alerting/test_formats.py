"""Alerts as each service receives them from the real library: they mention no person or group, and format nothing."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread
from typing import Any

import pytest
from apprise.plugins.discord import NotifyDiscord
from apprise.plugins.slack import NotifySlack
from apprise.plugins.telegram import NotifyTelegram

from domain.event import Event, EventLevel
from domain.event_kind import kind_of
from domain.identity import Environment, WorkerId
from fleet.alerting.channels import Message, channels_of, plain
from fleet.alerting.text import message_of
from tests.support.builders import ACCOUNT, NOW

HOSTILE = (
    "@everyone @here <@123456789012345678> <@&99> <!channel> <!here|x> <#42> <:odd:7> *b* _i_ __u__ ~~s~~ `c` "
    "||spoiler|| [link](http://a.example) <b>bold</b> <a href='http://a.example'>x</a>\n# head\n> quote\n- item\x1b[31m"
)
APART = "\N{ZERO WIDTH SPACE}"


@dataclass
class Service:
    """A service and the messages that it received."""

    port: int = 0
    bodies: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def sent(self) -> dict[str, Any]:
        (body,) = self.bodies
        delivered: dict[str, Any] = json.loads(body)
        return delivered


@pytest.fixture
def service() -> Iterator[Service]:
    found = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            found.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"ok" if "slack" in self.path else b'{"ok": true, "result": {}}')

        def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the base class names it so
            """Log nothing to standard error."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found.port = server.server_port
        Thread(target=server.serve_forever, daemon=True).start()
        yield found
        server.shutdown()


@pytest.fixture
def mailbox() -> Iterator[Service]:
    """A mail server that accepts everything; ``bodies`` are whole messages."""
    found = Service()

    class Handler(StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 here\r\n")
            for line in self.rfile:
                word = line[:4].upper()
                if word == b"QUIT":
                    self.wfile.write(b"221 bye\r\n")
                    return
                self.wfile.write(b"354 go on\r\n" if word == b"DATA" else b"250 well\r\n")
                if word == b"DATA":
                    found.bodies.append(b"".join(iter(self.rfile.readline, b".\r\n")))
                    self.wfile.write(b"250 taken\r\n")

    with ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        found.port = server.server_address[1]
        Thread(target=server.serve_forever, daemon=True).start()
        yield found
        server.shutdown()


def an_alert() -> Message:
    event = Event(ACCOUNT, kind_of("odd"), EventLevel.ERROR, NOW, worker_id=WorkerId(HOSTILE), detail={"why": HOSTILE})
    return message_of(Environment.SIMULATED, [event], "en", lambda text: text)


async def deliver(url: str) -> None:
    (channel,) = channels_of([url])
    assert await channel.send(an_alert(), seconds=60) == ""


def mentions(text: str) -> list[str]:
    return [mark for mark in ("@everyone", "@here", "<@", "<!", "<#", "<:") if mark in text]


async def test_discord_shows_every_character_and_mentions_no_one(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(NotifyDiscord, "notify_url", service.url)

    await deliver(f"discord://{'1' * 18}/{'a' * 60}")

    content = service.sent["content"]
    assert mentions(content) == []
    for written in (r"\*b\*", r"\_i\_", r"\_\_u\_\_", r"\~\~s\~\~", r"\`c\`", r"\|\|spoiler\|\|", r"\[link\]\(http"):
        assert written in content
    assert len(content.splitlines()) == 2
    assert "\x1b" not in content


async def test_slack_gets_entities_and_no_formatting(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(NotifySlack, "webhook_url", f"{service.url}/slack")

    await deliver("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#alerts")

    (attachment,) = service.sent["attachments"]
    assert service.sent["mrkdwn"] is False
    assert "mrkdwn_in" not in attachment
    assert mentions(attachment["text"]) == []
    assert "<" not in attachment["text"]
    assert f"&lt;{APART}!channel&gt;" in attachment["text"]


async def test_telegram_gets_entities_alone(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(NotifyTelegram, "notify_url", f"{service.url}/bot")

    await deliver("tgram://123456789:AAbbCCddEEffGGhhIIjjKKllMMnnOOppQQr/12315544")

    title, text = service.sent["text"].split("\r\n", 1)
    assert title.startswith("<b>HARU")
    assert mentions(text) == []
    assert "<" not in text
    assert service.sent["parse_mode"] == "HTML"


async def test_mail_is_plain_text(mailbox: Service) -> None:
    await deliver(f"mailto://127.0.0.1:{mailbox.port}/?mode=insecure&from=haru@a.example&to=you@b.example")

    (raw,) = mailbox.bodies
    message = message_from_bytes(raw, policy=policy.default)
    (part,) = [part for part in message.walk() if not part.is_multipart()]
    assert part.get_content_type() == "text/plain"
    assert mentions(part.get_content()) == []


async def test_a_webhook_of_any_other_service_mentions_no_one(service: Service) -> None:
    await deliver(f"json://127.0.0.1:{service.port}/x")

    assert mentions(service.sent["message"]) == []
    assert len(service.sent["message"].splitlines()) == 1


def test_what_grows_by_escaping_still_fits() -> None:
    long = "\n".join(["*" * 100] * 18)

    assert len(plain(long, "discord")) <= 2_000
    assert len(plain("*" * 1_900, "discord")) <= 2_000
    assert plain("# a\n  - b\n> c", "discord") == "\\# a\n  \\- b\n\\> c"
