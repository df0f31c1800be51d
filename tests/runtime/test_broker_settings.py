"""Accepted keys and addresses of each environment, and the allowed jump of a streamed price."""

from decimal import Decimal

import pytest

from domain.jump import JumpBound
from runtime.settings import load_settings
from tests.runtime.test_settings import KIS, LIVE, REAL_KEY, complaint, configured

pytestmark = pytest.mark.usefixtures("nothing_configured")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("APP_KEY", "k" * 36),
        ("APP_SECRET", "s" * 180),
        ("ACCOUNT", "12345678-01"),
        ("HTS_ID", "somebody"),
        ("REST_URL", "https://openapi.koreainvestment.com:9443"),
        ("STREAM_URL", "ws://127.0.0.1:9443"),
    ],
)
def test_the_simulated_environment_takes_no_key_account_or_address(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    given = {"HARU_BROKER__ENVIRONMENT": "simulated", f"HARU_BROKER__{name}": value}

    text = complaint(monkeypatch, **given)

    assert f"unset HARU_BROKER__{name}" in text
    assert value not in text.replace(f"HARU_BROKER__{name}", "")


@pytest.mark.parametrize("environment", ["paper", "live"])
@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("BROKER__REST_URL", "http://127.0.0.1:9443"),
        ("BROKER__REST_URL", "https://openapi.koreainvestment.com.evil.example:9443"),
        ("BROKER__REST_URL", "http://openapi.koreainvestment.com:9443"),
        ("BROKER__STREAM_URL", "ws://127.0.0.1:21000"),
        ("BROKER__STREAM_URL", "wss://ops.koreainvestment.com:21000"),
        ("BROKER__STREAM_URL", "ws://openapi.koreainvestment.com:21000"),
    ],
)
def test_a_key_of_kis_goes_to_no_other_address(
    monkeypatch: pytest.MonkeyPatch, environment: str, name: str, url: str
) -> None:
    text = complaint(monkeypatch, **{**LIVE, "HARU_BROKER__ENVIRONMENT": environment, f"HARU_{name}": url})

    assert f"HARU_{name}: a key of KIS is sent to" in text
    rehearsed = {"HARU_BROKER__APP_KEY": "HARU-" + "k" * 31}
    assert configured(monkeypatch, **rehearsed).broker.environment == environment


def test_a_key_for_quotations_goes_to_no_other_address(monkeypatch: pytest.MonkeyPatch) -> None:
    there = {**KIS, **REAL_KEY, "HARU_QUOTATIONS__REST_URL": "https://openapivts.koreainvestment.com:29443"}

    assert "a key of KIS is sent to https://openapi.koreainvestment.com:9443 only" in complaint(monkeypatch, **there)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("JUMP", "1", "a rate needs a percent sign; write 1%"),
        ("JUMP", "0%", "must be within 0.2%..3%"),
        ("JUMP", "30%", "must be within 0.2%..3%"),
        ("JUMP", "much", "it must look like 1%"),
        ("JUMP_TICKS", "0", "greater than or equal to 1"),
        ("JUMP_TICKS", "21", "less than or equal to 20"),
    ],
)
def test_the_bound_of_a_jump_has_bounds(monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str) -> None:
    assert said in complaint(monkeypatch, **{f"HARU_STREAM__{name}": value})


def test_the_bound_of_a_jump_is_the_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = configured(monkeypatch, HARU_STREAM__JUMP="0.5%", HARU_STREAM__JUMP_TICKS="3")

    assert settings.stream.jump_bound == JumpBound(Decimal("0.005"), 3)
    assert load_settings().describe()["HARU_STREAM__JUMP"] == "0.5%"
