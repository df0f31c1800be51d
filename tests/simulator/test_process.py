"""The simulator as a process: ready line, header names, dropped connections, and recovery after kill -9."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from simulator.__main__ import _options, main
from simulator.journal import FILE_NAME
from simulator.server import listen
from tests.simulator.market_day import ACCOUNT, KEY, PREFIX, SAMSUNG, SECRET, a_cancel, a_simulation, an_order

ROOT = Path(__file__).parents[2]
FAST = ("--port", "0", "--rate-limit", "0", "--token-interval", "0")


def start(*arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "simulator", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def running(*arguments: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    process = start(*FAST, *arguments)
    assert process.stdout is not None
    url = process.stdout.readline().removeprefix("simulator ready on ").strip()
    try:
        yield process, url
    finally:
        process.kill()
        process.communicate()


def order(url: str, path: str, tr_id: str, body: dict[str, str]) -> Any:
    credentials = {"appkey": KEY, "appsecret": SECRET}
    token = httpx.post(f"{url}/oauth2/tokenP", json=credentials).json()["access_token"]
    headers = credentials | {"authorization": f"Bearer {token}", "tr_id": tr_id}
    return httpx.post(f"{url}{PREFIX}{path}", json=body, headers=headers).json()


def truth(url: str) -> Any:
    return httpx.get(f"{url}/control/accounts/{ACCOUNT.number}").json()


def test_after_kill_9_the_books_are_the_same_and_time_has_gone_on(tmp_path: Path) -> None:
    with running("--data", str(tmp_path), "--clock", "2026-11-23 09:10:00", "--speed", "60") as (process, url):
        bought = order(url, "/trading/order-cash", "TTTC0012U", an_order(30))
        limit = str(truth(url)["orders"][0]["fills"][0]["price"] * 8 // 10 // 1000 * 1000)
        resting = order(url, "/trading/order-cash", "TTTC0012U", an_order(5) | {"ORD_DVSN": "00", "ORD_UNPR": limit})
        order(url, "/trading/order-rvsecncl", "TTTC0013U", a_cancel(resting["output"]["ODNO"]))
        httpx.post(f"{url}/control/prices", json={"symbol": SAMSUNG, "price": 80_000, "drift": 0.0001})
        order(url, "/trading/order-cash", "TTTC0011U", an_order(10))
        before, then = truth(url), httpx.get(f"{url}/control/status").json()
        process.send_signal(signal.SIGKILL)
        process.wait()

    with running("--data", str(tmp_path)) as (_, url):
        after, now = truth(url), httpx.get(f"{url}/control/status").json()

    assert bought["rt_cd"] == "0"
    assert after == before
    assert now["market_time"] > then["market_time"]
    assert now["clock"] == then["clock"]


def test_it_ends_with_0_on_sigterm_and_writes_generic_headers_in_title_case() -> None:
    with running("--clock", "open", "--speed", "60") as (process, url):
        names = [name for name, _ in httpx.get(f"{url}{PREFIX}/nothing").headers.raw]
        process.send_signal(signal.SIGTERM)
        code = process.wait(timeout=10)

    assert {b"Content-Type", b"Content-Length", b"Date", b"tr_id", b"tr_cont", b"gt_uid"} == set(names)
    assert code == 0


def test_a_dropped_reply_cuts_the_connection_without_a_byte() -> None:
    with running("--clock", "2026-11-23 09:10:00") as (_, url):
        httpx.post(f"{url}/control/faults", json={"kind": "drop_reply_after", "path": "order-cash"})

        with pytest.raises(httpx.TransportError):
            order(url, "/trading/order-cash", "TTTC0012U", an_order(3))

        assert [each["filled"] for each in truth(url)["orders"]] == [3]


def test_a_taken_port_is_said_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        code = main(["--port", str(taken.getsockname()[1])])

    errors = capsys.readouterr().err
    assert code == 1
    assert "choose another --port" in errors
    assert errors.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["--seed", "8"],
        ["--speed", "2"],
        ["--clock", "2026-11-24 09:00:00"],
        ["--clock", "live"],
        ["--opening-cash", "5"],
        ["--listings", "100"],
        ["--real-anchor", "2026-11-22T00:00:00Z"],
    ],
)
def test_other_settings_than_the_journals_end_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    a_simulation("2026-11-23 09:00:00", journal=tmp_path).close()

    code = main(["--port", "0", "--data", str(tmp_path), *arguments])

    errors = capsys.readouterr().err
    assert code == 2
    assert str(tmp_path) in errors
    assert "another --data" in errors


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--clock", "live", "--speed", "60"], "--clock live runs at speed 1"),
        (["--speed", "0"], "--speed must be"),
        (["--listings", "1049"], "choose 1 to 1048"),
        (["--clock", "2025-07-02 09:00:00"], "the simulated exchange begins on 2025-07-01"),
        (["--clock", "yesterday"], "yesterday"),
        (["--clock", "10:30"], '"10:30" is not a date with a time; write it like "2026-11-23 10:30" (KST)'),
        (["--bars", "/no/such/bars"], "/no/such/bars"),
        (["--environment", "paper", "--paper-port", "0"], "--paper-port and --paper-stream-port stand beside"),
        (["--only-bars"], "name the recorded bars with --bars"),
        (["--ping-interval", "0"], "ping_interval must be seconds above 0"),
    ],
)
def test_a_command_line_that_makes_no_sense_ends_with_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert main(["--port", "0", *arguments]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--port", "80000", "'80000' is not a whole number from 0 to 65535"),
        ("--paper-stream-port", "-1", "'-1' is not a whole number from 0 to 65535"),
        ("--opening-cash", "-5", "'-5' is not a whole number of at least 0"),
        ("--rate-limit", "many", "'many' is not a whole number of at least 0"),
        ("--token-interval", "nan", "'nan' is not a number of seconds of at least 0"),
        ("--approval-interval", "-1", "'-1' is not a number of seconds of at least 0"),
        ("--closure", "tomorrow", "'tomorrow' is not a date; write it like 2026-11-23"),
        ("--hours", "2026-11-19=10:00", "as in 2026-11-19=10:00-16:20-16:30"),
        ("--hours", "2026-11-19=16:30-16:20-10:00", "as in 2026-11-19=10:00-16:20-16:30"),
    ],
)
def test_a_wrong_value_is_named_with_what_it_must_be(
    capsys: pytest.CaptureFixture[str], option: str, value: str, said: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([f"{option}={value}"])

    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_a_data_folder_that_cannot_be_made_is_said_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "file"
    file.touch()
    codes = [main(["--port", "0", "--data", str(folder)]) for folder in (file, file / "books")]

    errors = capsys.readouterr().err
    assert codes == [1, 1]
    assert f"{file} cannot hold the books (File exists); name another folder" in errors
    assert errors.count("\n") == 2


def test_lenient_lifts_the_limits_and_opens_both_services_but_not_what_is_said_otherwise() -> None:
    plain, lenient = _options([]), _options(["--lenient", "--stream-port", "0", "--token-interval", "5"])

    assert (plain.rate_limit, plain.token_interval, plain.paper_port) == (None, 60.0, None)
    assert (lenient.rate_limit, lenient.paper_rate_limit, lenient.approval_interval) == (0, 0, 0.0)
    assert (lenient.stream_port, lenient.paper_port, lenient.paper_stream_port) == (0, 29_443, 31_000)
    assert lenient.token_interval == 5.0
    assert _options(["--lenient", "--environment", "paper"]).paper_port is None


def test_a_damaged_journal_ends_with_1_and_names_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    simulation = a_simulation(journal=tmp_path)
    simulation.add_fault(kind="garbage")
    simulation.close()
    file = tmp_path / FILE_NAME
    file.write_bytes(file.read_bytes().replace(b"garbage", b"garbled"))

    code = main(["--port", "0", "--data", str(tmp_path)])

    assert code == 1
    assert f"{file} is damaged at line 2" in capsys.readouterr().err


def test_help_speaks_of_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])

    shown = capsys.readouterr().out
    assert ended.value.code == 0
    assert all(option in shown for option in ("--clock", "--speed", "--seed", "--data", "--rate-limit", "--manual"))


def test_a_taken_stream_port_is_named_and_the_others_are_let_go(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        code = main(["--port", "0", "--paper-stream-port", str(taken.getsockname()[1])])

    assert code == 1
    assert "choose another --paper-stream-port" in capsys.readouterr().err


def test_a_token_and_a_host_name_of_the_command_line_are_kept(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("t" * 32)
    file.chmod(0o600)

    with running("--control-token", str(file), "--allowed-host", "Sim.Example") as (_, url):
        named = httpx.get(f"{url}/control/status", headers={"host": "sim.example"})
        refused = httpx.get(f"{url}/control/accounts")
        shown = httpx.get(f"{url}/control/accounts", headers={"authorization": "Bearer " + "t" * 32})

    assert [named.status_code, refused.status_code, shown.status_code] == [200, 401, 200]


def test_a_token_that_others_can_read_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "token"
    file.write_text("t" * 32)
    file.chmod(0o644)

    assert main(["--port", "0", "--control-token", str(file)]) == 2
    assert f"chmod 600 {file}" in capsys.readouterr().err


def test_replies_on_a_kept_connection_do_not_wait_for_its_acknowledgement() -> None:
    with listen("127.0.0.1", 0) as listening, socket.create_connection(listening.getsockname()):
        accepted, _ = listening.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
