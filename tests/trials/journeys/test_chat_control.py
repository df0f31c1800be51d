"""A host obeys its chat: it sells by a button, and after a kill -9 the button's command is not carried out again."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.bot_api import CHAT, TOKEN, BotApi
from tests.support.turns import TURNS, WHOLE_DAYS
from tests.trials.journeys.real_system import RealSystem, real_system
from tests.trials.journeys.test_kill_nine import HELD

SETTINGS = {"HARU_SIMULATOR__SPEED": "30", "HARU_SIMULATOR__START": "2026-11-23 10:30"}
PRESSED = "SELECT count(*) FROM events WHERE kind = 'kill_switch_pressed'"
ROWS = """
SELECT detail ->> 'command', detail ->> 'outcome' FROM events
WHERE kind = 'operator_command' AND detail ->> 'client' LIKE 'telegram chat %' ORDER BY event_id
"""
ON = "SELECT count(*) FROM risk_state WHERE kill_switch_on"
LEASE_IS_OVER = "UPDATE chat_pollers SET leased_until = clock_timestamp() RETURNING 1"


@pytest.fixture
def api() -> Iterator[BotApi]:
    listening = BotApi()
    yield listening
    listening.close()


def answers(system: RealSystem, api: BotApi, text: str, begins: str) -> str:
    """Send a text and wait for an answer that begins so."""
    before = len(api.sent)
    api.says(text)
    system.until(lambda: any(each.startswith(begins) for each in api.texts[before:]), 60, f"an answer to {text}")
    return next(each for each in api.texts[before:] if each.startswith(begins))


@pytest.mark.slow
@pytest.mark.in_turn(TURNS, WHOLE_DAYS)
@pytest.mark.timeout(420)
def test_a_chat_sells_and_its_command_does_not_come_twice(tmp_path: Path, api: BotApi) -> None:
    chat = {
        "HARU_TELEGRAM__TOKEN": TOKEN,
        "HARU_TELEGRAM__CHATS": f"{CHAT}",
        "HARU_TELEGRAM__BASE_URL": api.url,
    }
    with real_system(tmp_path, **SETTINGS, **chat) as system:
        system.starts()
        system.starter("--workers", "3", "--detach")
        system.until(lambda: system.number(HELD) >= 2, 120, "two held positions")
        assert "held ·" in answers(system, api, "/status", "SIMULATED")

        answers(system, api, "/killswitch", "Kill switch on?")
        assert system.number(ON) == 0
        api.presses("Kill switch on")
        system.until(lambda: system.number(ON) == 1, 60, "the kill switch")
        system.is_killed()
        api.presses("Kill switch on")  # again, to a host that is dead
        system.starts()
        system.query(LEASE_IS_OVER)
        system.until(lambda: system.number(HELD) == 0, 120, "the sale of everything")
        answers(system, api, "/status", "SIMULATED")

        assert system.number(PRESSED) == 1
        ((command, outcome),) = system.query(ROWS)
        assert (command, outcome in {"accepted", "unknown"}) == ("kill-switch on", True)
        assert TOKEN.partition(":")[2] not in system.log()
        assert "No longer valid" in api.acknowledged[-1]["text"]
