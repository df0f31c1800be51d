"""The addresses of alerts as settings, and the verb that tests each of them."""

import json
from collections.abc import Iterator

import pytest

from cli import main as starter
from domain.masking import Masking
from runtime.settings import SettingsError, load_settings
from tests.support.webhook import Webhook

pytestmark = pytest.mark.usefixtures("nothing_configured")
TELEGRAM = "tgram://123456789:AAbbCCddEEffGGhhIIjjKKllMMnnOOppQQr/998877665/"
MAIL = "mailto://haru:Pa55word@smtp.example.com?to=kim@example.com,lee@example.com"


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    listening = Webhook().open()
    yield listening
    listening.close()


def test_addresses_may_hold_commas_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARU_ALERTS__URLS", f"{TELEGRAM}, {MAIL},")

    assert [url.get_secret_value() for url in load_settings().alerts.urls] == [TELEGRAM, MAIL]


def test_no_part_of_an_address_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARU_ALERTS__URLS", f"{TELEGRAM},{MAIL}")
    settings = load_settings()
    said = Masking(settings.secrets())(f"{TELEGRAM} /bot123456789:AAbbCCddEEffGGhhIIjjKKllMMnnOOppQQr/send Pa55word")

    assert settings.describe()["HARU_ALERTS__URLS"] == "(set)"
    for secret in ("AAbbCC", "Pa55word", "123456789", "998877665"):
        assert secret not in said
        assert secret not in str(settings.describe())
        assert secret not in repr(settings)
    assert Masking(settings.secrets())("127.0.0.1 smtp.example.com") == "127.0.0.1 smtp.example.com"


def test_an_unknown_level_is_reported_with_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARU_ALERTS__MINIMUM_LEVEL", "loud")

    with pytest.raises(SettingsError, match="HARU_ALERTS__MINIMUM_LEVEL"):
        load_settings()


def test_each_channel_is_tried_and_said_to_work_or_why_not(
    webhook: Webhook, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HARU_ALERTS__URLS", f"{webhook.url},json://127.0.0.1:9/S3CRET-PATH")

    code = starter.main(["alert-test", "--level", "error"])

    first, second = capsys.readouterr().out.splitlines()
    assert (code, first) == (1, "ok      1 (json)")
    assert second.startswith("failed  2 (json): A Connection error occurred")
    assert "check the address" in second
    assert "S3CRET" not in second
    assert webhook.messages[0]["title"] == "HARU · SIMULATED · error: test of this channel"


def test_when_all_work_the_exit_code_is_0(
    webhook: Webhook, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HARU_ALERTS__URLS", webhook.url)

    assert starter.main(["alert-test", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [{"channel": "1 (json)", "ok": True, "reason": "", "mend": ""}]


def test_without_any_channel_nothing_is_tried_and_the_fix_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    assert starter.main(["alert-test"]) == 1
    assert "HARU_ALERTS__URLS" in capsys.readouterr().err


def test_an_address_that_cannot_be_read_is_reported_without_showing_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HARU_ALERTS__URLS", "nonsense://S3CRET-PATH")

    assert starter.main(["alert-test"]) == 1
    shown = capsys.readouterr().err
    assert "address 1 (nonsense://…)" in shown
    assert "S3CRET" not in shown
