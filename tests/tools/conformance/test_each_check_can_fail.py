"""No fact holds at both of two completely wrong servers."""

import asyncio
from dataclasses import replace

import pytest

from tests.tools.conformance.wrong_servers import NOTHING, YES, a_server_that_says, a_stream_that_says
from tools.conformance.asked import ask_all
from tools.conformance.checks import FACTS
from tools.conformance.fact import PAPER, REAL, Finding, Verdict


async def held(said: dict[str, object], service: str) -> set[str]:
    async with a_stream_that_says(said) as stream_url:
        with a_server_that_says(said, service) as access:
            findings: list[Finding] = await ask_all(replace(access, stream_url=stream_url), FACTS)
    return {finding.fact.name for finding in findings if finding.verdict is Verdict.HOLDS}


@pytest.mark.slow
@pytest.mark.parametrize("service", [REAL, PAPER])
async def test_no_fact_holds_at_both_wrong_servers(service: str) -> None:
    silent, yielding = await asyncio.gather(held(NOTHING, service), held(YES, service))

    assert silent & yielding == set()
