"""Checks that run only on request, and data that is never shown or left behind."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.tools.conformance.test_paper_door import with_keys
from tests.tools.conformance.wrong_servers import YES, a_server_that_says
from tools.conformance.asked import OrdersLeftError, ask_all
from tools.conformance.asking import expect
from tools.conformance.checks.orders import an_accepted_order_is_an_object_in_upper_case as an_order
from tools.conformance.checks.quotations import a_price_has_its_fields, price
from tools.conformance.checks.token_life import a_token_can_be_revoked
from tools.conformance.fact import PAPER, Need, Verdict, fact
from tools.conformance.kis import Access, Kis
from tools.conformance.paper import paper_access
from tools.conformance.report import by_section, to_json
from tools.conformance.simulated import simulator

pytestmark = pytest.mark.asyncio(loop_scope="module")


@fact("1.3", "T")
async def reports_everything(kis: Kis) -> None:
    """What is seen has everything in it that must not be shown."""
    await kis.oauth("Approval", {"appkey": kis.access.app_key, "secretkey": kis.access.app_secret})
    expect(False, " ".join((await kis.token(), *kis.secrets, (await price(kis)).text[:20])))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server() -> AsyncIterator[Access]:
    async with simulator() as services:
        yield services[PAPER]


@pytest.fixture
def paper(server: Access, request: pytest.FixtureRequest) -> Access:
    """A separate account and key per test on this file's server."""
    mark = f"{abs(hash(request.node.name)) % 10**8:08}"
    httpx.delete(f"{server.rest_url}/control/faults")
    return replace(server, app_key="HARU-" + mark.rjust(31, "k"), account=mark)


def truth(access: Access) -> list[dict[str, Any]]:
    account = httpx.get(f"{access.rest_url}/control/accounts/{access.account}").json()
    return list(account["orders"])


def refuses(access: Access, path: str) -> None:
    httpx.post(f"{access.rest_url}/control/faults", json={"kind": "refuse", "path": path})


async def test_without_the_word_no_order_is_sent_and_no_token_revoked(
    paper: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {"APP_KEY": paper.app_key, "ACCOUNT": f"{paper.account}-01", "REST_URL": paper.rest_url}
    access = replace(paper_access(with_keys(monkeypatch, **asked), may_order=False), pace=0.0)

    findings = await ask_all(access, [an_order, a_token_can_be_revoked, a_price_has_its_fields])

    assert [(finding.verdict, finding.seen) for finding in findings] == [
        (Verdict.NOT_ASKED, Need.ORDERS.value),
        (Verdict.NOT_ASKED, Need.SIMULATOR.value),
        (Verdict.HOLDS, ""),
    ]
    assert truth(paper) == []


@pytest.mark.parametrize(
    "market_time",
    ["2026-11-22T10:00:00+09:00", "2026-11-23T08:59:59+09:00", "2026-11-23T15:20:00+09:00"],
)
async def test_outside_the_session_no_order_is_sent(market_time: str) -> None:
    with a_server_that_says(YES, PAPER, market_time) as access:
        (finding,) = await ask_all(access, [an_order])

    assert (finding.verdict, finding.seen) == (Verdict.NOT_ASKED, Need.SESSION.value)


async def test_an_order_that_a_check_leaves_behind_is_cancelled(paper: Access) -> None:
    (finding,) = await ask_all(paper, [an_order])

    assert finding.verdict is Verdict.HOLDS
    placed, cancel = truth(paper)
    assert (placed["quantity"], placed["remaining"], placed["filled"]) == (1, 0, 0)
    assert cancel["original"] == placed["number"]


async def test_an_order_that_cannot_be_cancelled_is_named(paper: Access) -> None:
    refuses(paper, "order-rvsecncl")

    with pytest.raises(OrdersLeftError, match=r"could not cancel order 0\d{9}") as caught:
        await ask_all(paper, [an_order])

    assert [finding.verdict for finding in caught.value.findings] == [Verdict.HOLDS]


async def test_a_report_names_no_account(paper: Access) -> None:
    findings = await ask_all(paper, [reports_everything])

    said = str(to_json(paper, findings))
    assert findings[0].verdict is Verdict.DIFFERS
    assert "rt_cd" in said or "output" in said
    assert not any(secret in said for secret in (paper.app_key, paper.app_secret, paper.account, "eyJ0eXAi"))


async def test_findings_stand_in_the_order_of_the_sections(paper: Access) -> None:
    findings = await ask_all(replace(paper, may_order=False), [an_order, reports_everything])

    assert [finding.fact.section for finding in by_section(findings)] == ["1.3", "4.1"]
