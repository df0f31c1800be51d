"""The level of KOSPI and KOSDAQ, and the board that a quote names."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from broker.kis import KisBroker
from domain.errors import BrokerProtocolError, BrokerRefusedError
from domain.identity import Environment
from domain.lane import Lane
from domain.market import IndexLevel, Market
from tests.broker.parts import NOON, SAMSUNG, ScriptedKis, a_many_row, success


def an_index(**changes: str) -> dict[str, str]:
    return {"bstp_nmix_prpr": "2807.63", "bstp_nmix_prdy_vrss": "10.30", "prdy_vrss_sign": "2"} | changes


@pytest.mark.parametrize(
    ("changes", "before"),
    [
        ({}, "2797.33"),
        ({"bstp_nmix_prdy_vrss": "-10.30", "prdy_vrss_sign": "5"}, "2817.93"),
        ({"prdy_vrss_sign": "5"}, "2817.93"),
        ({"bstp_nmix_prdy_vrss": "", "prdy_vrss_sign": ""}, "0"),
    ],
)
async def test_an_index_has_its_level_and_the_close_before(
    broker: KisBroker, kis: ScriptedKis, changes: dict[str, str], before: str
) -> None:
    kis.answers("inquire-index-price", success(output=an_index(**changes)))

    found = await broker.index_level(Market.KOSDAQ, Lane.SCAN)

    assert found == IndexLevel(Market.KOSDAQ, Decimal("2807.63"), NOON, Decimal(before))
    (asked,) = kis.asked("inquire-index-price")
    assert dict(asked.url.params) == {"FID_COND_MRKT_DIV_CODE": "U", "FID_INPUT_ISCD": "1001"}
    assert asked.headers["tr_id"] == "FHPUP02100000"


@pytest.mark.parametrize("level", ["?", "-1", "", "1e5", "99999999"])
async def test_a_level_that_is_no_number_is_loud(broker: KisBroker, kis: ScriptedKis, level: str) -> None:
    kis.answers("inquire-index-price", success(output=an_index(bstp_nmix_prpr=level)))

    with pytest.raises(BrokerProtocolError, match="bstp_nmix_prpr"):
        await broker.index_level(Market.KOSPI, Lane.SCAN)


async def test_an_index_without_a_level_is_refused(broker: KisBroker, kis: ScriptedKis) -> None:
    kis.answers("inquire-index-price", success(output=an_index(bstp_nmix_prpr="0.00")))

    with pytest.raises(BrokerRefusedError, match="NO_INDEX"):
        await broker.index_level(Market.KOSPI, Lane.SCAN)


async def test_the_paper_service_has_no_index(broker_in: Callable[[Environment], KisBroker], kis: ScriptedKis) -> None:
    assert await broker_in(Environment.PAPER).index_level(Market.KOSPI, Lane.SCAN) is None
    assert kis.requests == []


@pytest.mark.parametrize(
    ("name", "market"), [("KOSPI", Market.KOSPI), ("코스닥", Market.KOSDAQ), ("KSQ150", Market.KOSDAQ), ("", None)]
)
async def test_a_quote_names_its_board(broker: KisBroker, kis: ScriptedKis, name: str, market: Market | None) -> None:
    kis.answers("intstock-multprice", success(output=[a_many_row(kospi_kosdaq_cls_name=name)]))

    assert (await broker.quotes([SAMSUNG], Lane.SCAN))[SAMSUNG].market is market
