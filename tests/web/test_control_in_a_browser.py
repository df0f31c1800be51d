"""Every command of the page in a real browser: on a double click, a reload and with two browsers it acts once."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from domain.identity import Environment, WorkerId
from domain.rules import TradingRules
from fleet.fleet import Fleet
from fleet.starting import start_workers
from tests.cli.verbs.test_foreign_orders import another_program_orders
from tests.fleet.test_decisions import waiting
from tests.support.chromium import needs_a_browser
from tests.support.devtools import Tab, a_tab
from tests.support.tls_relay import certificate_files
from tests.web.serving import Secured, Served, nothing, served
from web.access.codes import code_of, step_at
from web.access.passwords import Passwords, Role
from web.access.sessions import real_seconds
from web.commands.wanted import OF_THE_FLEET, Act, Wanted

pytestmark = [needs_a_browser, pytest.mark.slow]
WORKER = WorkerId("worker-1")
PASSWORD = "a long enough password"
CLICKS_TWICE = "(() => { const yes = document.getElementById('confirm-yes'); yes.click(); yes.click(); })()"
IS_OPEN = "document.getElementById('confirm').open"
ANSWER = "document.getElementById('answer').textContent"


class Doing:
    """Notes each command that was carried out."""

    def __init__(self) -> None:
        self.done: list[Wanted] = []
        self.may_end = asyncio.Event()
        self.may_end.set()

    async def perform(self, wanted: Wanted) -> Mapping[str, Any]:
        self.done.append(wanted)
        await self.may_end.wait()
        return {"well": True, "lines": [f"{wanted.act} done {len(self.done)}"]}


@pytest.fixture
def doing() -> Doing:
    return Doing()


@pytest.fixture
async def page(fleet: Fleet, tmp_path: Path, doing: Doing) -> AsyncIterator[Served]:
    await start_workers(fleet, 1, TradingRules())
    await waiting(fleet)
    await another_program_orders(fleet, "0000000007")
    async with served(fleet, doing.perform, tmp_path / "data") as found:
        yield found


async def opened(tab: Tab, page: Served) -> Tab:
    await tab.opens(page.link)
    await tab.sees("document.querySelectorAll('#workers tbody tr').length >= 1")
    await tab.sees("document.querySelectorAll('#decisions tbody tr').length === 2")
    return tab


def press(selector: str) -> str:
    return f"document.querySelector({selector!r}).click()"


async def test_every_command_acts_once_on_a_double_click_and_shows_its_outcome(
    page: Served, doing: Doing, tmp_path: Path
) -> None:
    async with a_tab(tmp_path / "profile") as tab:
        await opened(tab, page)
        for number, act in enumerate(OF_THE_FLEET, 1):
            await tab.runs(press(f'header [data-act="{act}"]'))
            await tab.sees(IS_OPEN)
            assert await tab.runs("document.getElementById('confirm-text').textContent.length") > 20
            await tab.runs(CLICKS_TWICE)
            await tab.sees(f"{ANSWER} === '{act} done {number}'")
        assert [each.act for each in doing.done] == list(OF_THE_FLEET)
        assert tab.complaints == []


async def test_a_rule_and_each_decision_act_once(page: Served, doing: Doing, tmp_path: Path) -> None:
    async with a_tab(tmp_path / "profile") as tab:
        await opened(tab, page)
        await tab.runs(press("#rules-open"))
        await tab.sees("document.querySelectorAll('#rules-table tbody tr').length > 20")
        fill = "document.getElementById('rules-name').value = '{}'; document.getElementById('rules-value').value = '2%'"
        await tab.runs(fill.format("exits.stop_los"))
        await tab.runs(press("#rules-plan"))
        await tab.sees("document.getElementById('rules-error').textContent.includes('did you mean exits.stop_loss?')")
        await tab.runs(fill.format("exits.stop_loss"))
        await tab.runs(press("#rules-plan"))
        await tab.sees(IS_OPEN)
        assert "3% → 2%" in await tab.runs("document.getElementById('confirm-says').textContent")
        await tab.runs(CLICKS_TWICE)
        await tab.sees("document.getElementById('rules-error').textContent === 'rules done 1'")
        await tab.runs(press("#rules-close"))

        for number, act in enumerate((Act.ADOPT, Act.DISMISS, Act.ACCEPT)):
            await tab.runs(f"document.querySelectorAll('#decisions button')[{number}].click()")
            for field in ("number", "branch", "reason"):
                await tab.runs(f"document.getElementById('decide-{field}').value = '00017'")
            await tab.runs(press("#decide-yes"))
            await tab.sees(IS_OPEN)
            await tab.runs(CLICKS_TWICE)
            await tab.sees(f"{ANSWER} === '{act} done {number + 2}'")

    assert [each.act for each in doing.done] == [Act.RULES, Act.ADOPT, Act.DISMISS, Act.ACCEPT]
    assert doing.done[0].words == ["rules", "all", "exits.stop_loss=2%"]
    assert doing.done[1].words[2:] == ["00017", "00017", "--reason", "00017"]
    assert doing.done[3].words == ["foreign-orders", "accept", "0000000007", "--reason", "00017"]


async def test_two_browsers_and_a_reload_do_it_once(page: Served, doing: Doing, tmp_path: Path) -> None:
    async with a_tab(tmp_path / "one") as one, a_tab(tmp_path / "two") as two:
        for tab in (await opened(one, page), await opened(two, page)):
            await tab.runs(press('header [data-act="liquidate"]'))
            await tab.sees(IS_OPEN)
        doing.may_end.clear()
        await one.runs(CLICKS_TWICE)
        while not doing.done:
            await asyncio.sleep(0.02)
        await two.runs(CLICKS_TWICE)
        await one.command("Page.reload")
        await one.sees("document.querySelectorAll('#decisions tbody tr').length === 2")
        await one.runs(press('header [data-act="liquidate"]'))
        await one.sees(IS_OPEN)
        await one.runs(CLICKS_TWICE)
        doing.may_end.set()
        for tab in (one, two):
            await tab.sees(f"{ANSWER}.includes('Another page gave this command') && {ANSWER}.includes('done 1')")
    assert doing.done == [Wanted(Act.LIQUIDATE)]


async def test_a_browser_enters_by_password_asks_again_for_real_money_and_leaves(
    fleet: Fleet, doing: Doing, tmp_path: Path
) -> None:
    certificate, key = certificate_files(tmp_path)
    passwords = Passwords(tmp_path / "kept")
    secret = passwords.put(Role.OPERATOR, PASSWORD)
    secured, live = Secured(certificate, key, passwords), replace(fleet, environment=Environment.LIVE)
    async with served(live, doing.perform, tmp_path / "data", secured=secured) as page, a_tab(tmp_path / "p") as tab:
        await tab.command("Security.setIgnoreCertificateErrors", ignore=True)
        await tab.opens(page.origin + "/")
        await tab.sees("document.readyState === 'complete' && document.getElementById('login')")  # its script runs
        await tab.runs(login("wrong", "000000"))
        await tab.sees("document.getElementById('error').textContent.includes('Wrong')")
        await tab.runs(login(PASSWORD, code_of(secret, step_at(real_seconds()))))
        await tab.sees("document.getElementById('positions') && document.getElementById('environment').textContent")

        await tab.runs(press('header [data-act="kill-switch off"]'))
        await tab.sees(IS_OPEN)
        await tab.runs(CLICKS_TWICE)
        assert await tab.runs(IS_OPEN), "an empty password is not sent"
        await tab.runs("document.getElementById('confirm-password').value = 'wrong'")
        await tab.runs(CLICKS_TWICE)
        await tab.sees(f"{ANSWER}.includes('Wrong password') && {IS_OPEN}")
        await tab.runs(f"document.getElementById('confirm-password').value = '{PASSWORD}'")
        await tab.runs(CLICKS_TWICE)
        await tab.sees(f"{ANSWER} === 'kill-switch off done 1'")

        await tab.runs(press("#logout"))
        await tab.sees("document.getElementById('login')")
    assert doing.done == [Wanted(Act.KILL_SWITCH_OFF)]


def login(password: str, code: str) -> str:
    values = {"password": password, "code": code}
    filled = "".join(f"document.getElementById('{name}').value = '{value}';" for name, value in values.items())
    return f"(() => {{ {filled} document.getElementById('enter').click(); }})()"


async def test_a_reader_finds_no_command(fleet: Fleet, tmp_path: Path) -> None:
    await start_workers(fleet, 1, TradingRules())
    async with served(fleet, nothing, tmp_path / "data") as page, a_tab(tmp_path / "profile") as tab:
        await tab.opens(f"{page.origin}/?key={page.access.readers_key}")
        await tab.sees("document.querySelectorAll('#workers tbody tr').length === 1")
        assert await tab.runs("document.querySelectorAll('[data-act], dialog, #decisions, #rules-open').length") == 0
        assert tab.complaints == []
