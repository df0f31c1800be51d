"""Hosts' limits for operators: `status` shows and compares them, and no change of rules exceeds them."""

import asyncio
from dataclasses import replace
from itertools import count

import pytest

from cli.tables.host_limits import host_limits_json, host_warnings, read_host_limits
from cli.tables.limits import limit_lines, read_limits
from domain.host_limits import ceiling_of
from domain.identity import Environment, WorkerId
from domain.money import Won
from domain.rules import RiskRules, TradingRules, UniverseRules
from domain.worker_state import WorkerLife
from fleet import commands
from fleet.board import read_board
from fleet.commands import CommandOutcome, Verdict
from fleet.duties.host import HostDuty
from fleet.fleet import Fleet
from fleet.starting import start_worker
from tests.support.builders import HYNIX, NOW, host_limits
from tests.support.running_fleet import Hosted

WORKER = WorkerId("worker-1")
LOOSE = TradingRules(risk=RiskRules(capital_per_trade=Won(50_000_000), trades_per_worker=300))


async def scanning(hosted: Hosted, rules: TradingRules) -> None:
    """Start a worker and wait until it has received its host's limits."""
    fleet = hosted.fleet
    await start_worker(fleet, WorkerLife(fleet.account_id, WORKER, rules, fleet.clock))
    async with asyncio.timeout(60):
        for _ in count(1):
            if hosted.desk.calls["find_candidates"]:
                return
            await asyncio.sleep(0.05)


async def changes(hosted: Hosted, **texts: str) -> CommandOutcome:
    named = {name.replace("__", "."): text for name, text in texts.items()}
    (outcome,) = await commands.command_all(hosted.fleet, (WORKER,), commands.change_rules(named))
    return outcome


async def test_a_change_beyond_the_hosts_settings_is_refused_and_names_the_setting(hosted: Hosted) -> None:
    hosted.desk.ceiling = ceiling_of(TradingRules())
    await scanning(hosted, TradingRules())

    outcome = await changes(hosted, risk__capital_per_trade="50,000,000")

    assert outcome.verdict is Verdict.REFUSED
    assert outcome.why == (
        "risk.capital_per_trade=50,000,000: looser than this host allows; stay within"
        " HARU_RULES__RISK__CAPITAL_PER_TRADE=5000000, or change that setting and restart worker.py"
    )


@pytest.mark.parametrize(
    ("rule", "text"),
    [("risk__losses_in_a_row", "0"), ("execution__entry_ticks", "20"), ("risk__symbol_cooldown", "0s")],
)
async def test_each_rule_that_bounds_a_buy_is_refused_where_it_is_looser(hosted: Hosted, rule: str, text: str) -> None:
    hosted.desk.ceiling = ceiling_of(TradingRules())
    await scanning(hosted, TradingRules())

    assert (await changes(hosted, **{rule: text})).verdict is Verdict.REFUSED


async def test_a_stricter_change_and_one_that_bounds_no_buy_are_taken(hosted: Hosted) -> None:
    hosted.desk.ceiling = ceiling_of(TradingRules())
    await scanning(hosted, LOOSE)

    outcome = await changes(hosted, risk__capital_per_trade="4,000,000", exits__stop_loss="5%")

    assert outcome.verdict is Verdict.DONE


async def test_a_worker_that_was_started_by_looser_rules_reports_the_limits_that_are_effective(hosted: Hosted) -> None:
    hosted.desk.ceiling = ceiling_of(TradingRules())
    await scanning(hosted, LOOSE)
    await hosted.fleet.database.workers.register(hosted.fleet.account_id, WORKER, "w")

    async with asyncio.timeout(60):
        while True:
            limits = await read_limits(
                hosted.fleet, await read_board(hosted.fleet, hosted.fleet.market_now()), RiskRules()
            )
            if limits[0].is_asked:
                break

    assert limits[0].rules == RiskRules()
    assert "30 of 30 trades left" in limit_lines(limits)[1]


async def test_a_worker_that_does_not_answer_is_shown_with_the_hosts_limits(fleet: Fleet) -> None:
    await fleet.database.workers.register(fleet.account_id, WORKER, "w")
    await HostDuty(fleet).declare(host_limits(RiskRules(trades_per_worker=7)))

    limits = await read_limits(fleet, await read_board(fleet, NOW), RiskRules())

    assert "7 of 7 trades left" in limit_lines(limits)[1]


async def test_hosts_of_different_limits_are_compared(fleet: Fleet) -> None:
    for won in (1_000_000, 2_000_000):
        await HostDuty(fleet).declare(host_limits(RiskRules(capital_per_trade=Won(won))))
    hosts = await read_host_limits(fleet)
    strict = TradingRules(risk=RiskRules(capital_per_trade=Won(1_000)))

    (line,) = host_warnings(hosts, strict, Environment.SIMULATED)

    one, two = sorted(hosts, key=lambda host: host.number)
    assert line.startswith("hosts differ in risk.capital_per_trade: ")
    assert f"1000000 on {one.host_id}" in line
    assert f"2000000 on {two.host_id}" in line
    shown = host_limits_json(hosts)
    assert shown["differ_in"] == ["risk.capital_per_trade"]
    assert len(shown["hosts"]) == 2


async def test_hosts_of_the_same_limits_need_no_word(fleet: Fleet) -> None:
    for _ in range(2):
        await HostDuty(fleet).declare(host_limits())

    assert host_warnings(await read_host_limits(fleet), TradingRules(), Environment.PAPER) == []


async def test_settings_that_no_host_allows_are_named_and_so_is_a_host_without_consent(fleet: Fleet) -> None:
    closed = replace(TradingRules(), universe=UniverseRules(0, (HYNIX,)))
    await HostDuty(fleet).declare(host_limits(ceiling=ceiling_of(closed)))

    looser, unconfirmed = host_warnings(await read_host_limits(fleet), LOOSE, Environment.LIVE)

    assert "risk.capital_per_trade=5000000" in looser
    assert "universe.symbols=000660" in looser
    assert unconfirmed.endswith("its settings do not confirm trading with real money")


async def test_a_host_that_has_ended_is_compared_no_more(fleet: Fleet) -> None:
    duty = HostDuty(fleet)
    await duty.declare(host_limits())

    await duty.leave()

    assert await read_host_limits(fleet) == ()
