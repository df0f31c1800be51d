"""Duties of every hosting process: an error stays within its duty, a lost account does not."""

import asyncio
import logging
from dataclasses import replace
from typing import Any

import pytest

from database.errors import AccountInUseError
from domain.rules import TradingRules
from fleet.duties import hosting as hosting_duties
from fleet.fleet import Fleet


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    for pause in ("_ROUND", "_RENEWAL", "_AFTER_A_MISTAKE"):
        monkeypatch.setattr(hosting_duties, pause, 0.01)


async def test_a_mistake_in_a_duty_is_shouted_about_and_does_not_end_the_process(
    fleet: Fleet, caplog: pytest.LogCaptureFixture
) -> None:
    nothing: Any = None
    with caplog.at_level(logging.ERROR, "haru.hosting"):
        duty = asyncio.create_task(hosting_duties.bring_back_workers(replace(fleet, database=nothing), TradingRules()))
        async with asyncio.timeout(10):
            while len(caplog.records) < 2:
                await asyncio.sleep(0.01)

    assert not duty.done()
    assert {record.message for record in caplog.records} == {"hosting_duty_failed"}
    duty.cancel()
    await asyncio.gather(duty, return_exceptions=True)


async def test_an_account_that_another_fleet_took_ends_the_process(fleet: Fleet) -> None:
    await hosting_duties.join_fleet(fleet, "the other")

    with pytest.raises(AccountInUseError):
        await asyncio.wait_for(hosting_duties.keep_account(fleet, "ours"), 10)
