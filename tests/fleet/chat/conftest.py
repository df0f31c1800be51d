"""A bot of Telegram and hosts that serve it, for each test."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from fleet.fleet import Fleet
from tests.fleet.chat.chat_host import ChatHosts
from tests.support.bot_api import BotApi


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARU_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "data").mkdir(mode=0o700)


@pytest.fixture
def api() -> Iterator[BotApi]:
    listening = BotApi()
    yield listening
    listening.close()


@pytest.fixture
async def hosts(fleet: Fleet, api: BotApi) -> AsyncIterator[ChatHosts]:
    made = ChatHosts(fleet, api)
    yield made
    await made.aclose()
