"""The check-up from the command line: with nothing running, with everything running, and with each part broken."""

import asyncio
import json
import re
import socket
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from cryptography.fernet import Fernet

from database.database import open_database
from runtime.account_names import account_of, key_fingerprint
from runtime.settings import load_settings
from security.sealing.keys import KeyRing, new_key
from tests.runtime.embedded.processes import FREE_PORTS
from tests.simulator.test_process import running
from tests.support.builders import host_limits
from tests.support.command_line import Run
from tests.tools.conformance.wrong_servers import YES, a_server_that_says

pytestmark = pytest.mark.usefixtures("nothing_configured")
KEY, SECRET = "HARU-" + "P" * 31, "S" * 180
FIX = "mend"
"""The JSON key of a line's fix."""


class CommandLine:
    """Runs starter.py, and parses the check-up's answers."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def run(self, *words: str, **environment: str) -> tuple[int, str]:
        done = self._run(*words, **environment)
        return done.returncode, done.stdout + done.stderr

    def doctor(self, **environment: str) -> tuple[int, dict[str, Any]]:
        code, shown = self.run("doctor", "--json", **environment)
        return code, {line["check"]: line for line in json.loads(shown)}


@pytest.fixture
def command_line(run: Run) -> CommandLine:
    return CommandLine(run)


@pytest.fixture
def servers(temporal_dev_server: str, database_url: str) -> dict[str, str]:
    return {
        "TEMPORAL_ADDRESS": temporal_dev_server,
        "DATABASE_URL": database_url,
        "HARU_BROKER__TOKEN_KEY": Fernet.generate_key().decode(),
        "HARU_PAYLOADS__KEYS": new_key(),
    }


def a_paper_account(**changes: str) -> dict[str, str]:
    account = {
        "HARU_BROKER__ENVIRONMENT": "paper",
        "HARU_BROKER__APP_KEY": KEY,
        "HARU_BROKER__APP_SECRET": SECRET,
        "HARU_BROKER__ACCOUNT": f"{uuid4().int % 10**8:08}-01",
        "HARU_BROKER__HTS_ID": "tester",
        "HARU_BROKER__CALLS_PER_SECOND": "18",
        "HARU_RULES__UNIVERSE__SYMBOLS": "005930",
    }
    return {**account, **changes}


def at(url: str) -> dict[str, str]:
    """Return a simulator's URLs, for requests and for its stream."""
    return {"HARU_BROKER__REST_URL": url, "HARU_BROKER__STREAM_URL": url.replace("http", "ws", 1)}


def test_with_nothing_running_it_says_what_will_start(command_line: CommandLine) -> None:
    code, lines = command_line.doctor(**FREE_PORTS)

    assert code == 0
    assert {line["verdict"] for line in lines.values()} == {"ok", "not tried"}
    assert "`python worker.py` starts it" in lines["PostgreSQL"]["text"]
    assert lines["account"] == {"check": "account", "verdict": "not tried", "text": "needs PostgreSQL", FIX: ""}
    assert not Path(".haru").exists()


def test_taken_ports_are_named_all_at_once(command_line: CommandLine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        taken = {
            "HARU_PORTS__POSTGRES": str(one.getsockname()[1]),
            "HARU_PORTS__SIMULATOR": str(other.getsockname()[1]),
        }
        code, lines = command_line.doctor(**FREE_PORTS | taken)

    assert (code, lines["ports"]["verdict"]) == (1, "fail")
    for name, port in taken.items():
        assert f"{name}={port}" in lines["ports"]["text"]
    assert "TEMPORAL" not in lines["ports"]["text"]


def test_a_port_of_a_configured_part_is_not_needed(command_line: CommandLine, servers: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as one:
        taken = {"HARU_PORTS__POSTGRES": str(one.getsockname()[1])}
        _, lines = command_line.doctor(**servers, **FREE_PORTS | taken)

    assert (lines["ports"]["verdict"], lines["ports"]["text"]) == ("ok", "1 ports are free")


def test_a_paper_account_without_stocks_fails(command_line: CommandLine, unused_port: int) -> None:
    nowhere = {"HARU_BROKER__REST_URL": f"http://127.0.0.1:{unused_port}"}

    account = a_paper_account(HARU_RULES__UNIVERSE__SYMBOLS="")
    code, lines = command_line.doctor(**account, **nowhere, **FREE_PORTS)
    _, listed = command_line.doctor(HARU_RULES__UNIVERSE__SYMBOLS="005930,000660")

    assert (code, lines["universe"]["verdict"]) == (1, "fail")
    assert lines["universe"]["text"] == "no stock is scanned: none is listed, and the paper service has no ranking"
    assert "HARU_RULES__UNIVERSE__SYMBOLS" in lines["universe"][FIX]
    assert "HARU_QUOTATIONS__APP_KEY" in lines["universe"][FIX]
    assert listed["universe"]["text"] == "2 listed stocks and no ranking are scanned"


def test_a_paper_account_with_a_key_for_prices_has_the_ranking(command_line: CommandLine, unused_port: int) -> None:
    nowhere = {"HARU_BROKER__REST_URL": f"http://127.0.0.1:{unused_port}"}
    prices = {"HARU_QUOTATIONS__APP_KEY": "HARU-" + "Q" * 31, "HARU_QUOTATIONS__APP_SECRET": SECRET}

    account = a_paper_account(HARU_RULES__UNIVERSE__SYMBOLS="")
    _, lines = command_line.doctor(**account, **nowhere, **prices, **FREE_PORTS)

    assert lines["universe"]["verdict"] == "ok"


def test_a_database_of_another_version_is_refused_with_the_way_to_ours(command_line: CommandLine) -> None:
    Path(".haru/postgres").mkdir(parents=True)
    Path(".haru/postgres/PG_VERSION").write_text("16\n")

    code, lines = command_line.doctor()

    assert (code, lines["PostgreSQL"]["verdict"]) == (1, "fail")
    assert "starter.py upgrade-database" in lines["PostgreSQL"]["text"]


def test_wrong_settings_are_the_one_failure_and_nothing_else_is_tried(command_line: CommandLine) -> None:
    code, lines = command_line.doctor(HARU_SIMULATOR__SPED="3")

    assert code == 1
    assert "HARU_SIMULATOR__SPEED" in lines["settings"]["text"]
    assert {line["verdict"] for name, line in lines.items() if name != "settings"} == {"not tried"}


def test_a_whole_paper_account_is_well_and_nothing_secret_is_shown_or_kept_in_clear(
    command_line: CommandLine, servers: dict[str, str], database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    account = a_paper_account()
    with running("--environment", "paper", "--rate-limit", "0") as (_, url):
        code, shown = command_line.run("doctor", **servers, **account, **at(url))
        with psycopg.connect(database_url) as connection:
            rows = connection.execute("SELECT broker_tokens::text, value FROM broker_tokens").fetchall()
    key = Fernet(servers["HARU_BROKER__TOKEN_KEY"])
    kept = [key.decrypt(bytes(value)).decode() for _, value in rows]

    assert code == 0, shown
    assert "keys accepted, the account answers: 100,000,000 won" in shown
    assert "the paper service has no calendar to compare with" in shown
    assert re.search(r"^(ok|warn) +Temporal", shown, re.MULTILINE), "other tests may have registered the attributes"
    assert "ok        stream        approval key, connection, order notices and a registration (005930) work" in shown
    assert len(kept) == 2, "the access token and the stream's approval key"
    for secret in (KEY, SECRET, account["HARU_BROKER__ACCOUNT"][:8], servers["HARU_BROKER__TOKEN_KEY"], *kept):
        assert len(secret) >= 8
        assert secret not in shown
        assert secret not in caplog.text
        assert not any(secret in row or secret.encode() in bytes(value) for row, value in rows)


def test_keys_of_the_wrong_service_fail_with_the_fix(command_line: CommandLine, servers: dict[str, str]) -> None:
    with running("--environment", "paper", "--rate-limit", "0") as (_, url):
        command_line.run("doctor", **servers, **a_paper_account(), **at(url))
        code, lines = command_line.doctor(HARU_BROKER__APP_SECRET="T" * 180)

    assert code == 1
    assert lines["account"]["verdict"] == "fail"
    assert "import-keys" in lines["account"][FIX]
    assert lines["orders"]["verdict"] == lines["calendar"]["verdict"] == "not tried"


def test_servers_that_are_away_are_named_each_with_its_variable(command_line: CommandLine, unused_port: int) -> None:
    nowhere = f"127.0.0.1:{unused_port}"
    code, lines = command_line.doctor(
        DATABASE_URL=f"postgresql://haru:geheim@{nowhere}/haru",
        TEMPORAL_ADDRESS=nowhere,
        HARU_BROKER__TOKEN_KEY=Fernet.generate_key().decode(),
        HARU_PAYLOADS__KEYS=new_key(),
        **a_paper_account(HARU_BROKER__REST_URL=f"http://{nowhere}"),
    )

    assert code == 1
    for name, variable in (
        ("PostgreSQL", "DATABASE_URL"),
        ("Temporal", "TEMPORAL_ADDRESS"),
        ("broker host", "HARU_BROKER__REST_URL"),
    ):
        assert (lines[name]["verdict"], variable in lines[name][FIX]) == ("fail", True)
    assert "geheim" not in json.dumps(lines)
    assert lines["account"]["verdict"] == "not tried"


def test_a_server_that_is_no_simulator_is_reported_and_gets_no_key(
    command_line: CommandLine, servers: dict[str, str]
) -> None:
    with a_server_that_says(YES, "paper") as stranger:
        there = a_paper_account(HARU_BROKER__REST_URL=stranger.rest_url)
        code, shown = command_line.run("doctor", **servers, **there)

    assert code == 1
    assert re.search(r"^fail +broker host +.*does not prove to be a simulator", shown, re.MULTILINE)
    assert re.search(r"^not tried +account", shown, re.MULTILINE)


def test_a_shared_database_without_a_shared_key_is_reported(command_line: CommandLine, database_url: str) -> None:
    code, lines = command_line.doctor(DATABASE_URL=database_url, **a_paper_account())

    assert code == 1
    assert "HARU_BROKER__TOKEN_KEY" in lines["token key"]["text"]
    assert lines["token key"][FIX] == "python starter.py new-key"


def test_a_database_of_another_account_and_one_that_is_not_migrated_are_reported(
    command_line: CommandLine, servers: dict[str, str], database_url: str, postgres_server: str
) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("INSERT INTO accounts (account_id, environment, fingerprint) VALUES ('x', 'live', 'y')")

    code, lines = command_line.doctor(**servers, **a_paper_account(HARU_BROKER__REST_URL="http://127.0.0.1:9"))
    assert code == 1
    assert "they belong to live account x" in lines["books"]["text"]

    with psycopg.connect(database_url) as connection:
        connection.execute(
            "UPDATE _yoyo_migration SET migration_id = '9999_later' WHERE migration_id = '0001_accounts'"
        )
    code, lines = command_line.doctor(DATABASE_URL=database_url)
    assert (code, lines["PostgreSQL"]["verdict"], lines["books"]["verdict"]) == (1, "fail", "not tried")
    assert lines["PostgreSQL"]["text"].endswith("migrated by newer code: 9999_later")

    _, lines = command_line.doctor(DATABASE_URL=postgres_server)
    assert lines["PostgreSQL"]["verdict"] == "warn"
    assert "not migrated" in lines["PostgreSQL"]["text"]
    assert lines["books"]["verdict"] == "not tried"


def test_a_host_that_allows_less_than_these_settings_is_reported(
    command_line: CommandLine, servers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    looser = {"HARU_RULES__RISK__TRADES_PER_WORKER": "99"}
    environment = servers | a_paper_account(HARU_BROKER__REST_URL="http://127.0.0.1:9", **looser)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    asyncio.run(_host_with_default_limits(servers["DATABASE_URL"]))

    _, lines = command_line.doctor(**environment)

    assert lines["hosts"]["verdict"] == "warn"
    assert lines["hosts"]["text"].endswith("its limits apply: risk.trades_per_worker=30")


async def _host_with_default_limits(database_url: str) -> None:
    settings, database = load_settings(), await open_database(database_url)
    account = account_of(settings)
    await database.accounts.pin(account, settings.broker.environment, key_fingerprint(settings))
    await database.hosts.beat(account, "host", "machine", 1)
    await database.host_limits.record(account, "host", host_limits())
    await database.aclose()


def test_new_keys_are_lines_for_the_settings(command_line: CommandLine) -> None:
    code, shown = command_line.run("new-key")

    keys = dict(line.split("=", 1) for line in shown.splitlines())
    assert code == 0
    assert len(Fernet(keys["HARU_BROKER__TOKEN_KEY"]).encrypt(b"token")) > 40
    assert len(KeyRing([keys["HARU_PAYLOADS__KEYS"]]).ids) == 1


def test_imported_keys_are_read_by_the_next_check_up(command_line: CommandLine, tmp_path: Path) -> None:
    lines = [f'paper_app: "{KEY}"', f'paper_sec: "{SECRET}"', 'my_paper_stock: "50067821"', 'my_prod: "01"']
    (tmp_path / "keys.yaml").write_text("\n".join([*lines, "my_htsid: tester"]))

    code, shown = command_line.run("import-keys", "keys.yaml")
    _, checks = command_line.doctor(HARU_BROKER__REST_URL="http://127.0.0.1:9")

    assert code == 0
    assert KEY not in shown
    assert checks["settings"]["text"].startswith("PAPER; Python ")
    assert (checks["keys"]["verdict"], checks[".env"]["verdict"]) == ("ok", "ok")
    assert checks[".env"]["text"] == f"{tmp_path / '.env'} is its owner's alone"
    assert command_line.run("import-keys", "nowhere.yaml")[0] == 1


def test_a_stream_that_cannot_be_opened_is_a_warning_with_the_fix(
    command_line: CommandLine, servers: dict[str, str], unused_port: int
) -> None:
    with running("--environment", "paper", "--rate-limit", "0") as (_, url):
        nowhere = {**at(url), "HARU_BROKER__STREAM_URL": f"ws://127.0.0.1:{unused_port}"}
        code, lines = command_line.doctor(**servers, **a_paper_account(), **nowhere)

    assert code == 0
    assert lines["stream"]["verdict"] == "warn"
    assert "HARU_BROKER__STREAM_URL" in lines["stream"][FIX]


def test_another_hts_id_is_a_warning_with_the_fix(command_line: CommandLine, servers: dict[str, str]) -> None:
    with running("--environment", "paper", "--rate-limit", "0", "--hts-id", "Tester") as (_, url):
        code, lines = command_line.doctor(**servers, **a_paper_account(HARU_BROKER__HTS_ID="tester"), **at(url))

    assert code == 0
    assert lines["stream"]["verdict"] == "warn"
    assert "order notices are refused" in lines["stream"]["text"]
    assert "HARU_BROKER__HTS_ID" in lines["stream"][FIX]


def test_a_session_that_the_fleet_holds_is_left_alone_and_reported(
    command_line: CommandLine, servers: dict[str, str], database_url: str
) -> None:
    account = a_paper_account()
    with running("--environment", "paper", "--rate-limit", "0") as (_, url):
        configured = {**servers, **account, **at(url)}
        _, first = command_line.doctor(**configured)
        settings = load_settings()
        with psycopg.connect(database_url, autocommit=True) as connection:
            pinned = (account_of(settings), "paper", key_fingerprint(settings))
            connection.execute(
                "INSERT INTO accounts (account_id, environment, fingerprint) VALUES (%s, %s, %s)", pinned
            )
            alone = command_line.doctor(**configured)[1]["stream"]["text"]
            connection.execute(
                "UPDATE stream_leases SET owner = 'a worker', symbols = '{005930,000660}',"
                " expires_at = clock_timestamp() + interval '1 minute', connected_since = clock_timestamp()"
            )
            code, lines = command_line.doctor(**configured)

    assert code == 0
    assert (
        first["stream"]["text"] == alone == "approval key, connection, order notices and a registration (005930) work"
    )
    assert "the fleet's session is open since" in lines["stream"]["text"]
    assert "2 stocks registered" in lines["stream"]["text"]
