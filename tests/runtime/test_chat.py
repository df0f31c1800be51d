"""The chat's settings, its token as a secret, its optional library, and the doctor's look at the bot."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cli.doctor.checkup import Verdict
from cli.doctor.machine_checks import look_at_chat
from domain.masking import Masking
from fleet.errors import OperationError
from runtime.chat import chat_bot, chat_duty
from runtime.private_values import secrets_of
from runtime.settings import SettingsError, load_settings, raw_environment
from tests.support.bot_api import CHAT, TOKEN, BotApi

pytestmark = pytest.mark.usefixtures("nothing_configured")
SECRET = TOKEN.partition(":")[2]


@pytest.fixture
def api() -> Iterator[BotApi]:
    listening = BotApi()
    yield listening
    listening.close()


@pytest.fixture
def configured(api: BotApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARU_TELEGRAM__TOKEN", TOKEN)
    monkeypatch.setenv("HARU_TELEGRAM__CHATS", f"{CHAT}, -1001234567890")
    monkeypatch.setenv("HARU_TELEGRAM__BASE_URL", api.url)


def test_chats_are_numbers_separated_by_commas(configured: None) -> None:
    assert load_settings().telegram.chats == (CHAT, -1001234567890)


def test_the_token_may_stand_in_a_file_and_is_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    path = Path("telegram_token").absolute()
    path.write_text(f"{TOKEN}\n")
    path.chmod(0o600)
    monkeypatch.setenv("HARU_TELEGRAM__TOKEN_FILE", str(path))
    monkeypatch.setenv("HARU_TELEGRAM__CHATS", f"{CHAT}")

    settings = load_settings()

    assert settings.telegram.token is not None
    assert settings.telegram.token.get_secret_value() == TOKEN
    for mask in (Masking(settings.secrets()), Masking(secrets_of(raw_environment()))):
        said = mask(f"POST https://api.telegram.org/bot{TOKEN}/getUpdates and {SECRET} and {TOKEN.replace(':', '%3A')}")
        assert SECRET not in said
    assert TOKEN not in f"{settings!r} {settings.describe()}"


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"TOKEN": "sesame-open-the-door"}, "@BotFather"),
        ({"CHATS": ""}, "HARU_TELEGRAM__TOKEN needs HARU_TELEGRAM__CHATS"),
        ({"CHATS": "@trader"}, "HARU_TELEGRAM__CHATS: write the numbers of chats"),
        ({"BASE_URL": "api.telegram.org"}, "HARU_TELEGRAM__BASE_URL: it is not an address"),
        ({"BASE_URL": "https://user:pw@host"}, "HARU_TELEGRAM__BASE_URL: it is not an address"),
    ],
)
def test_wrong_settings_are_named_without_the_token(
    configured: None, monkeypatch: pytest.MonkeyPatch, changes: dict[str, str], named: str
) -> None:
    for name, value in changes.items():
        monkeypatch.setenv(f"HARU_TELEGRAM__{name}", value)

    with pytest.raises(SettingsError) as refused:
        load_settings()

    assert named in str(refused.value)
    assert SECRET not in str(refused.value)
    assert "sesame" not in str(refused.value)


def test_without_a_token_no_chat_is_asked() -> None:
    nothing: Any = None

    assert chat_duty(load_settings(), nothing) is None


def test_a_missing_library_is_named_with_the_command_that_installs_it(
    configured: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [each for each in sys.modules if each.startswith(("fleet.chat", "telegram"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "telegram", None)

    with pytest.raises(OperationError, match=r"pip install 'haru\[telegram\]'"):
        chat_bot(load_settings())


async def test_the_duty_is_made_from_the_settings(configured: None, api: BotApi) -> None:
    fleet: Any = SimpleNamespace(account_id="ours")

    duty = chat_duty(load_settings(), fleet)

    assert duty is not None
    assert (await duty._bot.updates(None, 0), api.polls) == ([], 1)
    await duty._bot.aclose()


async def test_the_doctor_names_the_bot_or_what_is_wrong(
    configured: None, api: BotApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = await look_at_chat(load_settings())
    assert (found.verdict, found.text) == (Verdict.OK, "@haru_of_a_test_bot obeys 2 chats")

    monkeypatch.setenv("HARU_TELEGRAM__TOKEN", "7000000001:AAF-another_half_of_a_token_1234")
    found = await look_at_chat(load_settings())
    assert found.verdict is Verdict.WARN
    assert "Unauthorized" in found.text
    assert "another_half" not in found.text
