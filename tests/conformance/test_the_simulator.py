"""The simulator does what we believe KIS to do, on the real service and on paper."""

import pytest

from conformance.asked import ask_all
from conformance.checks import FACTS
from conformance.checks.limits import too_many_calls_in_a_second_are_refused
from conformance.fact import PAPER, REAL, Verdict
from conformance.simulated import fill_the_order_list, simulator


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("service", [REAL, PAPER])
async def test_nothing_differs_and_only_the_other_services_facts_are_not_asked(service: str) -> None:
    async with simulator(service) as access:
        await fill_the_order_list(access)
        findings = await ask_all(access, FACTS)

    differing = {finding.fact.name: finding.seen for finding in findings if finding.verdict is Verdict.DIFFERS}
    not_asked = {finding.fact.name for finding in findings if finding.verdict is Verdict.NOT_ASKED}
    others = {fact.name for fact in FACTS if service not in fact.services}
    too_slow_here = too_many_calls_in_a_second_are_refused.name
    assert differing == {}
    assert not_asked - {too_slow_here} == others


async def test_paper_lets_one_call_a_second_pass() -> None:
    async with simulator(PAPER, limit=1) as access:
        (finding,) = await ask_all(access, [too_many_calls_in_a_second_are_refused])

    assert finding.verdict is Verdict.HOLDS, finding.seen


def test_each_fact_has_a_name_and_a_statement_of_its_own() -> None:
    assert len({fact.name for fact in FACTS}) == len({fact.statement for fact in FACTS}) == len(FACTS)
    assert all(fact.statement for fact in FACTS)
