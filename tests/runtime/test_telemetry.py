"""Log lines for people and for machines, and values that must never appear in one."""

import json
import logging
import re
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime

import asyncpg
import pytest
from temporalio import activity
from temporalio.client import Client
from temporalio.testing import ActivityEnvironment

from domain.clock import MarketClock
from domain.masking import MASK, Masking
from runtime.embedded.ports import LOOPBACK
from runtime.log_lines import JsonFormatter, PlainFormatter
from runtime.settings import TelemetrySettings
from runtime.telemetry import log_market_time, start_logging, temporal_runtime

KEY = "PSabcdefghijklmnopqrstuvwxyz0123456789"


def an_event(name: str = "order_submitted", **fields: object) -> logging.LogRecord:
    return logging.makeLogRecord(
        {"name": "activities.orders", "levelname": "INFO", "msg": name, "created": 1_795_000_000.25, **fields}
    )


@pytest.fixture
def restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    yield
    root.setLevel(level)
    root.handlers[:] = handlers
    logging.captureWarnings(capture=False)


def test_a_json_line_is_the_event_with_its_fields() -> None:
    line = json.loads(JsonFormatter(Masking()).format(an_event(symbol="005930", fencing_token=7)))

    assert line == {
        "at": "2026-11-18T11:06:40.250+00:00",
        "level": "info",
        "event": "order_submitted",
        "logger": "activities.orders",
        "symbol": "005930",
        "fencing_token": 7,
    }


def test_a_plain_line_shows_the_time_in_seoul() -> None:
    line = PlainFormatter(Masking()).format(an_event(symbol="005930", reason="two words", note=""))

    assert line == '20:06:40.250 INFO    order_submitted symbol=005930 reason="two words" note=""'


def test_the_market_s_time_stands_beside_the_real_one_where_they_differ() -> None:
    formatters = (JsonFormatter(Masking()), PlainFormatter(Masking()))
    for formatter in formatters:
        formatter.clock = MarketClock(datetime(2026, 11, 18, 11, tzinfo=UTC), datetime(2026, 11, 23, tzinfo=UTC), 10)
    as_json, plain = (formatter.format(an_event()) for formatter in formatters)

    assert json.loads(as_json)["market_at"] == "2026-11-23T10:06:42+09:00"
    assert plain == "20:06:40.250 [10:06:42] INFO    order_submitted"


@pytest.mark.usefixtures("restored_logging")
def test_a_host_gives_its_log_the_market_s_clock(capsys: pytest.CaptureFixture[str]) -> None:
    start_logging(TelemetrySettings())
    log_market_time(MarketClock(datetime(2026, 11, 18, 11, tzinfo=UTC), datetime(2026, 11, 23, tzinfo=UTC), 10))
    logging.getLogger("activities.orders").info("order_submitted")

    assert re.match(r"\d\d:\d\d:\d\d\.\d{3} \[\d\d:\d\d:\d\d\] INFO", capsys.readouterr().err)


def failed(error: Exception) -> None:
    """Log an activity's failure as Temporal's SDK does."""
    try:
        raise error
    except Exception:
        logging.getLogger("temporalio.activity").warning("Completing activity as failed", exc_info=True)


@pytest.mark.usefixtures("restored_logging")
@pytest.mark.parametrize(
    "away",
    [
        asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
        asyncpg.AdminShutdownError("terminating connection due to administrator command"),
        asyncpg.CannotConnectNowError("the database system is starting up"),
        asyncpg.InterfaceError("connection is closed"),
        ConnectionRefusedError(111, "Connect call failed"),
    ],
)
def test_a_restart_of_the_database_is_one_line(capsys: pytest.CaptureFixture[str], away: Exception) -> None:
    start_logging(TelemetrySettings())
    for _ in range(20):
        failed(away)

    (line,) = capsys.readouterr().err.splitlines()
    assert f'"{type(away).__name__}: ' in line
    assert "Traceback" not in line


@pytest.mark.usefixtures("restored_logging")
@pytest.mark.parametrize(
    "bug",
    [asyncpg.UniqueViolationError("duplicate key"), asyncpg.InterfaceError("another operation is in progress")],
)
def test_an_error_of_ours_keeps_its_trace_every_time(capsys: pytest.CaptureFixture[str], bug: Exception) -> None:
    start_logging(TelemetrySettings())
    for _ in range(2):
        failed(bug)

    assert capsys.readouterr().err.count("Traceback") == 2


@pytest.mark.parametrize("formatter", [JsonFormatter(Masking()), PlainFormatter(Masking())])
def test_an_error_comes_with_its_trace(formatter: logging.Formatter) -> None:
    try:
        raise ValueError("unexpected")
    except ValueError as error:
        record = an_event(exc_info=(ValueError, error, error.__traceback__))

    assert "ValueError: unexpected" in formatter.format(record)


def test_what_the_sdk_knows_of_the_step_becomes_fields() -> None:
    context = {"workflow_id": "trading-worker/a/1", "attempt": 2, "namespace": "default"}

    line = json.loads(JsonFormatter(Masking()).format(an_event(temporal_activity=context)))

    assert (line["workflow_id"], line["attempt"]) == ("trading-worker/a/1", 2)
    assert "namespace" not in line


@pytest.mark.usefixtures("restored_logging")
async def test_a_line_of_any_logger_names_the_activity_and_its_run(capsys: pytest.CaptureFixture[str]) -> None:
    start_logging(TelemetrySettings(log_format="json"))

    def step() -> None:
        logging.getLogger("haru.watch").info("price_distrusted")
        activity.logger.info("lock_contended")

    environment = ActivityEnvironment()
    environment.run(step)

    ours, info = [json.loads(line) for line in capsys.readouterr().err.splitlines()], environment.info
    assert [line["workflow_id"] for line in ours] == [info.workflow_id, info.workflow_id]
    assert [line["run_id"] for line in ours] == [info.workflow_run_id, info.workflow_run_id]


def test_a_value_that_json_does_not_know_is_shown_as_text() -> None:
    assert '"cause": "boom"' in JsonFormatter(Masking()).format(an_event(cause=ValueError("boom")))


@pytest.mark.parametrize(
    "text",
    [
        f"sent with {KEY}",
        f'{{"appkey": "{KEY}"}}',
        'a "quoted" secret',
        "12345678-01",
    ],
)
def test_known_secrets_are_masked_in_any_text(text: str) -> None:
    mask = Masking([KEY, 'a "quoted" secret', "12345678-01"])

    for formatter in (JsonFormatter(mask), PlainFormatter(mask)):
        line = formatter.format(an_event(detail=text))
        assert MASK in line
        assert KEY not in line
        assert "quoted" not in line
        assert "12345678" not in line


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ('{"appsecret": "abcdef"}', "abcdef"),
        ("appkey=abcdef&x=1", "abcdef"),
        ("authorization: Bearer eyJhbGciOi.J9-x_y", "eyJhbGciOi"),
        ("token was Bearer eyJhbGciOi.J9", "eyJhbGciOi"),
        ("postgresql://haru:geheim@127.0.0.1:54329/haru", "geheim"),
        ("{'CANO': '87654321', 'PDNO': '005930'}", "87654321"),
        ("postgresql://haru:ge/hei#m@127.0.0.1:54329/haru", "hei"),
        ("postgresql://db/haru?user=haru&password=geheim&x=1", "geheim"),
        ("the token eyJhbGciOi.J9-x_y.abc has ended", "eyJhbGciOi"),
    ],
)
def test_what_stands_beside_the_name_of_a_secret_is_masked(text: str, secret: str) -> None:
    masked = Masking()(text)

    assert secret not in masked
    assert MASK in masked


@pytest.mark.parametrize("formatter", [JsonFormatter(Masking()), PlainFormatter(Masking())])
def test_a_field_neither_steers_a_terminal_nor_begins_a_line(formatter: logging.Formatter) -> None:
    line = formatter.format(an_event(name="\x1b[31mred\x9b2J\r\N{RIGHT-TO-LEFT OVERRIDE}\nforged=1"))

    assert line.isprintable() or line.replace("\N{REPLACEMENT CHARACTER}", "").isprintable()


@pytest.mark.parametrize("text", ["position/2026-11-23/005930", "2026112301", "price 71,200 x 10", "key=5"])
def test_ordinary_words_stay(text: str) -> None:
    assert Masking(["5", ""])(text) == text


@pytest.mark.usefixtures("restored_logging")
def test_configured_logging_writes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    start_logging(TelemetrySettings(log_format="json"), [KEY])

    logging.getLogger("activities.orders").info("order_submitted", extra={"detail": KEY})
    logging.getLogger("httpx").info("HTTP Request: …")

    lines = capsys.readouterr().err.splitlines()
    assert [json.loads(line)["event"] for line in lines] == ["order_submitted"]
    assert KEY not in lines[0]


async def test_the_runtime_serves_metrics(temporal_dev_server: str, unused_port: int) -> None:
    runtime = temporal_runtime(TelemetrySettings(prometheus_address=f"{LOOPBACK}:{unused_port}"))

    await Client.connect(temporal_dev_server, runtime=runtime)

    with urllib.request.urlopen(f"http://{LOOPBACK}:{unused_port}/metrics", timeout=5) as response:  # noqa: ASYNC210
        assert b"temporal_request" in response.read()
