"""Marker secrets in every setting and every reproducible error path; no marker appears in any output."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from cryptography.fernet import Fernet

from database.database import open_database
from domain.event import Event, EventLevel
from domain.event_kind import kind_of
from domain.hosts import PROOF_PATH, proof_of
from domain.identity import Environment
from domain.masking import MASK, Masking
from runtime.settings import load_settings
from security.sealing.keys import new_key
from tests.runtime.embedded.processes import ROOT
from tests.support.builders import ACCOUNT, NOW

pytestmark = pytest.mark.usefixtures("nothing_configured")

APP_KEY = "HARU-MARKERkey" + "k" * 22
APP_SECRET = "MARKERsecret+/=" + "s" * 165
TOKEN = "eyJMARKERtoken.MARKERpart.MARKERend"
NUMBER = "90817263"
HTS_ID = "MARKERhts"
TOKEN_KEY = Fernet.generate_key().decode()
ALERTS = "tgram://123456789:MARKERbotMARKERbotMARKERbotMARKERbo/MARKERchat,json://127.0.0.1:9/MARKERpath"
PASSWORD = "MARKER%2Fpass%23word"
PAYLOAD_KEY = new_key()
MARKERS = ("MARKER", NUMBER, TOKEN_KEY, PAYLOAD_KEY)
PAPER = {
    "HARU_BROKER__ENVIRONMENT": "paper",
    "HARU_BROKER__APP_KEY": APP_KEY,
    "HARU_BROKER__APP_SECRET": APP_SECRET,
    "HARU_BROKER__ACCOUNT": f"{NUMBER}-01",
    "HARU_BROKER__HTS_ID": HTS_ID,
    "HARU_BROKER__TOKEN_KEY": TOKEN_KEY,
    "HARU_PAYLOADS__KEYS": PAYLOAD_KEY,
    "HARU_ALERTS__URLS": ALERTS,
    "HARU_ALERTS__HEARTBEAT_URL": "https://127.0.0.1:9/ping/MARKERswitch",
    "TEMPORAL_API_KEY": "MARKERtemporal",
    "HARU_TELEMETRY__LOG_LEVEL": "debug",
}
CLOSED = "127.0.0.1:9"
DATABASE = f"postgresql://haru:{PASSWORD}@{CLOSED}/haru"
TOML_ERRORS = (
    'api_key = "MARKERtoml',
    'api_key = ["MARKERtoml"]',
    "api_key = MARKERtoml",
    "api_key MARKERtoml",
    '[profile]\ndefault = "MARKERtoml"',
    '[profile.default]\ntls = "MARKERtoml"',
)
"""Broken lines of Temporal's configuration file."""
WRONG: dict[str, Mapping[str, str]] = {
    "a slash": {"DATABASE_URL": f"postgresql://haru:MARKERa/b@{CLOSED}/haru"},
    "a number sign": {"DATABASE_URL": f"postgresql://haru:MARKERa#b@{CLOSED}/haru"},
    "a question mark": {"DATABASE_URL": f"postgresql://haru:MARKERa?b@{CLOSED}/haru"},
    "an at sign": {"DATABASE_URL": f"postgresql://haru:a@MARKERb@{CLOSED}/haru"},
    "no database": {"DATABASE_URL": f"postgresql://haru:MARKERa@{CLOSED}"},
    "no scheme": {"DATABASE_URL": f"haru:MARKERa@{CLOSED}/haru"},
    "nothing there": {"DATABASE_URL": DATABASE},
    "a password asked for": {"DATABASE_URL": f"postgresql://{CLOSED}/haru?user=haru&password=MARKERasked"},
    "an unknown option": {"DATABASE_URL": f"postgresql://haru:MARKERa@{CLOSED}/haru?odd=MARKERodd&password=MARKERb"},
    "a port that is none": {"DATABASE_URL": "postgresql://haru:MARKERa@127.0.0.1:MARKERport/haru"},
    "a key twice": {"HARU_BROKER__CALLS_PER_SECOND": APP_KEY},
    "a secret elsewhere": {"HARU_PORTS__TEMPORAL": APP_SECRET},
    "a rate": {"HARU_BROKER__COMMISSION": APP_KEY},
    "a rule": {"HARU_RULES__EXITS__STOP_LOSS": APP_KEY},
    "a half account": {"HARU_BROKER__ACCOUNT": f"{NUMBER}-MARKER"},
    "no token key": {"HARU_BROKER__TOKEN_KEY": "MARKERtokenkey"},
    "no address": {"HARU_BROKER__REST_URL": "https://user:MARKERpassword@[bad"},
    "no channel": {"HARU_ALERTS__URLS": "nosuch://MARKERchannel/MARKERtoken", "DATABASE_URL": DATABASE},
    "no switch": {"HARU_ALERTS__HEARTBEAT_URL": "ftp://MARKERswitch"},
    "a live account": {"HARU_BROKER__ENVIRONMENT": "live", "HARU_BROKER__LIVE_ACCOUNT": f"{NUMBER}-02"},
    "no Temporal": {"TEMPORAL_ADDRESS": f"user:MARKERpw@{CLOSED}", "DATABASE_URL": DATABASE},
    "no TLS": {"TEMPORAL_TLS_CLIENT_KEY_DATA": "MARKERprivate", "TEMPORAL_TLS": "MARKERmaybe"},
}


def shown(text: str) -> list[str]:
    """Return the lines that contain a marker."""
    return [line for line in text.splitlines() if any(marker in line for marker in MARKERS)]


def ran(program: str, *words: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, str(ROOT / program), *words],
        env={**os.environ, **PAPER, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode != 0
    return done.stdout + done.stderr


@pytest.mark.parametrize("verb", ["status", "report"])
@pytest.mark.parametrize("wrong", list(WRONG))
def test_settings_that_are_wrong_show_no_secret(run: Any, wrong: str, verb: str) -> None:
    done = run(verb, **{**PAPER, **WRONG[wrong]})

    assert done.returncode == 1
    assert shown(done.stdout + done.stderr) == []


@pytest.mark.parametrize("line", TOML_ERRORS)
def test_a_broken_configuration_of_temporal_shows_no_line_of_it(run: Any, tmp_path: Path, line: str) -> None:
    file = tmp_path / "temporal.toml"
    file.write_text(line if line.startswith("[") else f"[profile.default]\n{line}\n")

    done = run("status", **{**PAPER, "TEMPORAL_CONFIG_FILE": str(file)})

    assert done.returncode == 1
    assert shown(done.stdout + done.stderr) == []
    assert "line " in done.stderr


@pytest.mark.parametrize("program", ["starter.py", "worker.py", "demo.py"])
def test_a_mistake_of_ours_shows_no_secret_in_its_traceback(tmp_path: Path, program: str) -> None:
    """`sitecustomize` makes the settings raise an error that no program expects."""
    (tmp_path / "sitecustomize.py").write_text(
        "import asyncio\n"
        f"def run(*_, **__):\n    raise OverflowError('a mistake with {APP_KEY} and {PASSWORD}')\n"
        "asyncio.run = run\n"
    )

    text = ran(
        program, *(["status"] if program == "starter.py" else []), PYTHONPATH=str(tmp_path), DATABASE_URL=DATABASE
    )

    assert "OverflowError: a mistake with ***" in text
    assert [line for line in shown(text) if "sitecustomize" not in line and "raise OverflowError" not in line] == []


def test_a_refused_login_shows_no_password(postgres_server: str) -> None:
    parts = urlsplit(postgres_server)
    wrong = parts._replace(netloc=f"haru:{PASSWORD}@{parts.hostname}:{parts.port}").geturl()

    text = ran("worker.py", DATABASE_URL=wrong, TEMPORAL_ADDRESS=CLOSED)

    assert "the login is refused" in text
    assert shown(text) == []


@contextmanager
def echoing_broker(grants_token: bool) -> Iterator[str]:
    """A broker that refuses everything and repeats the whole request in its refusal."""
    granted = {
        "tokenP": {"access_token": TOKEN, "access_token_token_expired": "2099-01-01 00:00:00"},
        "Approval": {"approval_key": "MARKERapproval"},
    }

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"] or 0)).decode()
            answers = granted if grants_token else {}
            answer = answers.get(self.path.rpartition("/")[2])
            if self.path == PROOF_PATH:
                answer = {"proof": proof_of(json.loads(body)["challenge"])}
            if answer is None:
                self._refuse(body)
            else:
                self._reply(200, answer)

        def do_GET(self) -> None:
            self._refuse("")

        def _refuse(self, body: str) -> None:
            echo = f"{self.path} {body} {dict(self.headers)} token {TOKEN} account {NUMBER}"
            self._reply(403, {"rt_cd": "1", "msg_cd": "EGW00105", "msg1": echo, "error_description": echo})

        def _reply(self, status: int, body: Mapping[str, str]) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the base class names it so
            """Log nothing to standard error."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("grants_token", [False, True])
@pytest.mark.parametrize(("program", "words"), [("worker.py", ()), ("starter.py", ("doctor",))])
def test_a_broker_that_repeats_what_it_was_sent_shows_no_secret(
    database_url: str, temporal_dev_server: str, program: str, words: tuple[str, ...], *, grants_token: bool
) -> None:
    with echoing_broker(grants_token) as url:
        servers = {"DATABASE_URL": database_url, "TEMPORAL_ADDRESS": temporal_dev_server}
        plain = {**servers, "TEMPORAL_API_KEY": "", "TEMPORAL_TLS": "false"}
        text = ran(program, *words, HARU_BROKER__REST_URL=url, HARU_STREAM__ENABLED="false", **plain)

    assert "EGW00105" in text
    assert MASK in text
    assert shown(text) == []
    assert shown(everything_in(database_url)) == []


def everything_in(url: str) -> str:
    """Return all rows of all tables as text."""
    with psycopg.connect(url) as connection:
        tables = connection.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        rows = [connection.execute(f"SELECT * FROM {name}".encode()).fetchall() for (name,) in tables.fetchall()]
    return "\n".join(str(row) for table in rows for row in table)


async def test_an_event_keeps_no_secret_from_any_source(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**PAPER, "DATABASE_URL": DATABASE}.items():
        monkeypatch.setenv(name, value)
    leaked = f"{APP_KEY} {json.dumps(APP_SECRET)} {TOKEN} {NUMBER} {DATABASE} Bearer MARKERb password=MARKERp {ALERTS}"
    database = await open_database(database_url, mask=Masking(load_settings().secrets()))
    await database.accounts.pin(ACCOUNT, Environment.PAPER, "3f9a1c")

    await database.events.append(
        Event(ACCOUNT, kind_of("odd"), EventLevel.ERROR, NOW, detail={"why": leaked, "number": 7})
    )

    (event,) = await database.events.latest(ACCOUNT, 1)
    await database.aclose()
    assert event.detail["number"] == 7
    assert MASK in str(event.detail["why"])
    assert shown(str(event.detail)) == []
