"""Strategies without a passing verdict: listed, confirmed for real money by a second word, and withdrawn."""

import json
from dataclasses import replace
from io import StringIO
from typing import Any

import pytest

from cli.desk import Desk
from cli.doctor.database_checks import look_at_verdicts
from cli.parser import parser
from cli.running import verb_of
from cli.tables.terminal import Terminal
from domain.identity import LIVE_WORD, Environment
from domain.rules import TradingRules
from domain.verdict import Conclusion, Standing
from fleet.errors import OperationError
from fleet.fleet import Fleet
from fleet.standings import read_standings, standing_warnings
from runtime.strategy_loading import install_strategies
from tests.lab.evidence.played import SETTINGS
from web.state import read_state
from web.view import view_of

RULES = TradingRules()
ACCEPT = ("accept", "momentum", "--reason", "a trial")


@pytest.fixture
def live(fleet: Fleet) -> Fleet:
    """Return a fleet as if it traded real money."""
    install_strategies(None)
    return replace(fleet, environment=Environment.LIVE)


async def said(fleet: Fleet, *typed: str, verb: str = "unproven") -> tuple[int, str]:
    file = StringIO()
    desk = Desk(fleet, RULES, parser().parse_args([verb, *typed]), Terminal(file=file, width=300))
    code: int = await verb_of(desk.asked.act)(desk)
    return code, file.getvalue()


async def passes(fleet: Fleet, strategy: str) -> None:
    (standing,) = await read_standings(fleet, [strategy])
    judged: dict[str, Any] = {"backtest": "b-1", "checks": [], "figures": {}, "conclusion": "pass"}
    await fleet.database.verdicts.keep({**judged, "strategy": strategy, "source": standing.source})


async def test_what_has_no_verdict_is_listed_until_it_passes_or_is_confirmed(live: Fleet) -> None:
    code, text = await said(live)
    assert code == 1
    codes = [f"{each.strategy} ({each.source[:12]})" for each in await read_standings(live, RULES.strategy.names)]
    assert codes[1] == f"momentum ({SETTINGS.sources['momentum'][:12]})"
    assert text.splitlines() == [f"{code}: no verdict; not confirmed" for code in codes]
    assert (await said(replace(live, environment=Environment.PAPER)))[0] == 0

    await passes(live, "volatility_breakout")
    code, text = await said(live, *ACCEPT, "--live", LIVE_WORD)
    assert (code, "no verdict; confirmed because a trial" in text) == (0, True)
    assert (await said(live))[0] == 0
    await passes(live, "momentum")
    assert (await said(live))[1] == "Every strategy in use has passed its verdict.\n"


async def test_a_confirmation_is_withdrawn(live: Fleet) -> None:
    await said(live, *ACCEPT, "--live", LIVE_WORD)

    code, text = await said(live, "withdraw", "momentum", "--reason", "over")

    assert (code, "not confirmed" in text) == (0, True)
    with pytest.raises(OperationError, match="no confirmation to withdraw"):
        await said(live, "withdraw", "momentum", "--reason", "over")


@pytest.mark.parametrize("word", [(), ("--live", "yes")])
async def test_real_money_needs_the_second_word(live: Fleet, word: tuple[str, ...]) -> None:
    with pytest.raises(OperationError, match=LIVE_WORD):
        await said(live, *ACCEPT, *word)
    assert not (await read_standings(live, ["momentum"]))[0].may_buy


async def test_what_needs_no_confirmation_gets_none(live: Fleet) -> None:
    with pytest.raises(OperationError, match="only real money"):
        await said(replace(live, environment=Environment.PAPER), *ACCEPT)
    await passes(live, "momentum")
    with pytest.raises(OperationError, match="has passed its verdict"):
        await said(live, *ACCEPT, "--live", LIVE_WORD)


async def test_status_warns_and_its_json_has_every_standing(live: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    await passes(live, "volatility_breakout")
    _, text = await said(live, verb="status")
    assert "WARNING momentum (" in text
    assert "has no verdict, and real money does not buy by it" in text
    await said(live, *ACCEPT, "--live", LIVE_WORD)
    _, text = await said(live, verb="status")
    assert "momentum trades real money without a passing verdict, confirmed because: a trial" in text

    await said(live, "--json", verb="status")
    standings = json.loads(capsys.readouterr().out)["strategies"]
    assert [(each["verdict"], each["confirmed_because"]) for each in standings] == [("pass", None), (None, "a trial")]


def test_the_doctor_refuses_warns_and_agrees() -> None:
    passed, missing = Standing("a", "1", Conclusion.PASS), Standing("b", "2", None)
    confirmed = replace(missing, accepted_because="a trial")

    assert look_at_verdicts([passed, missing]).text == missing.objection
    assert "without a passing verdict" in look_at_verdicts([passed, confirmed]).text
    assert look_at_verdicts([passed]).text == "a has passed"
    assert standing_warnings([missing], Environment.PAPER) == []


async def test_the_page_of_the_fleet_warns_as_status_does(live: Fleet) -> None:
    names = RULES.strategy.names
    await passes(live, "volatility_breakout")
    state = await read_state(live, names)
    warnings = view_of(state, RULES.risk, "en")["warnings"]
    assert [each for each in warnings if each.startswith("momentum (")]
    assert not any("volatility_breakout" in each for each in warnings)

    await said(live, *ACCEPT, "--live", LIVE_WORD)
    confirmed = view_of(await read_state(live, names), RULES.risk, "ko")["warnings"]
    assert "momentum은(는) 판정을 통과하지 않고 실전 매매합니다. 확인한 이유: a trial" in confirmed
    paper = replace(live, environment=Environment.PAPER)
    assert not any("verdict" in each for each in view_of(await read_state(paper, names), RULES.risk, "en")["warnings"])
