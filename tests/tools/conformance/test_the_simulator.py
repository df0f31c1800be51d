"""The simulator behaves as we assume KIS does, on the real and the paper service."""

import asyncio

import pytest

from tools.conformance.asked import ask_all
from tools.conformance.checks import FACTS
from tools.conformance.checks.limits import too_many_calls_in_a_second_are_refused
from tools.conformance.fact import PAPER, Verdict
from tools.conformance.simulated import set_the_scene, simulator


@pytest.mark.slow
async def test_nothing_differs_and_only_the_other_services_facts_are_not_asked() -> None:
    async with simulator() as services:
        for access in services.values():
            await set_the_scene(access)
        both = await asyncio.gather(*(ask_all(access, FACTS) for access in services.values()))

    for service, findings in zip(services, both, strict=True):
        differing = {finding.fact.name: finding.seen for finding in findings if finding.verdict is Verdict.DIFFERS}
        not_asked = {finding.fact.name: finding.seen for finding in findings if finding.verdict is Verdict.NOT_ASKED}
        not_asked.pop(too_many_calls_in_a_second_are_refused.name, None)  # a slow machine cannot exceed the limit
        assert differing == {}, service
        assert set(not_asked) == {fact.name for fact in FACTS if service not in fact.services}, not_asked


async def test_paper_lets_one_call_a_second_pass() -> None:
    async with simulator(limit=1) as services:
        (finding,) = await ask_all(services[PAPER], [too_many_calls_in_a_second_are_refused])

    assert finding.verdict is Verdict.HOLDS, finding.seen


def test_each_fact_has_a_name_and_a_statement_of_its_own() -> None:
    assert len({fact.name for fact in FACTS}) == len({fact.statement for fact in FACTS}) == len(FACTS)
    assert all(fact.statement for fact in FACTS)
