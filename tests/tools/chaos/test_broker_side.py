"""The adversary's stream faults are known to the simulator and hit a connected listener."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.frames import CloseCode

from domain.identity import SIMULATED_ACCOUNT
from simulator.faults import StreamFault
from simulator.hardships import Hardship, rules_of
from tests.simulator.market_day import SAMSUNG, an_order
from tests.simulator.streaming import SOON, Venue, a_listener, a_venue
from tools.chaos.broker_side import BrokerSide
from tools.chaos.kinds import FaultKind
from tools.chaos.schedule import Act

DOOR = StreamFault.STREAM_REFUSE
STREAM_KINDS = [kind for kind in StreamFault if kind is not DOOR]


@pytest.fixture
async def venue() -> AsyncIterator[Venue]:
    async with a_venue() as venue:
        yield venue


@pytest.fixture
async def broker(venue: Venue) -> AsyncIterator[BrokerSide]:
    async with httpx.AsyncClient(base_url=venue.url(), trust_env=False) as client:
        yield BrokerSide(client, SIMULATED_ACCOUNT)


@pytest.mark.parametrize("kind", STREAM_KINDS)
async def test_a_fault_of_the_stream_hits_who_listens_and_trades(
    venue: Venue, broker: BrokerSide, kind: StreamFault
) -> None:
    async with await a_listener(venue) as listener:
        await listener.asks("H0STCNT0", SAMSUNG)
        await listener.asks("H0STCNI0", "haru")
        await broker.do(Act(at=1, kind=kind, seconds=0.1))
        (rule,) = venue.simulation.faults.rules
        await venue.post("/trading/order-cash", "TTTC0012U", an_order(3))
        await venue.control("/clock", {"advance": 5})

        async with asyncio.timeout(SOON):
            while not rule.hits:
                await asyncio.sleep(0.02)

    assert (rule.seconds, rule.count) == (0.1, 1)
    assert await broker.calm() == {kind.value: 1}
    assert venue.simulation.faults.rules == []


@pytest.mark.parametrize("kind", Hardship)
async def test_a_hardship_stands_until_all_is_calm(venue: Venue, broker: BrokerSide, kind: Hardship) -> None:
    await broker.do(Act(at=1, kind=kind, choice=0.4))

    standing = [rule.kind for rule in venue.simulation.faults.rules]
    await broker.calm()

    assert standing == [rule["kind"] for rule in rules_of(kind)]
    assert venue.simulation.faults.rules == []


async def test_who_is_to_be_refused_loses_the_session_first(venue: Venue, broker: BrokerSide) -> None:
    async with await a_listener(venue) as listener:
        await listener.asks("H0STCNT0", SAMSUNG)
        await broker.do(Act(at=1, kind=DOOR))
        await asyncio.wait_for(listener.socket.wait_closed(), SOON)

    assert listener.socket.close_code == CloseCode.ABNORMAL_CLOSURE
    with pytest.raises(InvalidStatus):
        await a_listener(venue)

    assert await broker.calm() == {"stream_refuse": 1, "stream_cut": 1}
    async with await a_listener(venue) as listener:
        assert (await listener.asks("H0STCNT0", SAMSUNG))["msg_cd"] == "OPSP0000"


@pytest.mark.parametrize(("choice", "price"), [(0.0, "999999999"), (0.3, "1"), (0.6, "0"), (0.99, "-70000")])
async def test_an_absurd_price_may_be_far_too_high_or_hardly_anything(
    venue: Venue, broker: BrokerSide, choice: float, price: str
) -> None:
    async with await a_listener(venue) as listener:
        await listener.asks("H0STCNT0", SAMSUNG)
        await broker.do(Act(at=1, kind=StreamFault.STREAM_ABSURD_PRICE, choice=choice))
        await venue.control("/clock", {"advance": 5})

        (heard, *_) = await listener.records("H0STCNT0")

    assert heard[2] == price


@pytest.mark.parametrize(
    ("kind", "rules"),
    [
        (FaultKind.HIDE_ORDERS, {("hide_orders", "inquire-daily-ccld"), ("hide_orders", "inquire-psbl-rvsecncl")}),
        (FaultKind.LATE_FILLS, {("hide_fills", "inquire-daily-ccld")}),
        (
            FaultKind.ODD_ROWS,
            {
                *(("extra_row", path) for path in ("inquire-daily-ccld", "inquire-psbl-rvsecncl", "inquire-balance")),
                *(("extra_row", path) for path in ("ranking/", "intstock-multprice")),
                *(("no_row", path) for path in ("inquire-daily-ccld", "intstock-multprice")),
            },
        ),
    ],
)
async def test_rows_of_the_lists_are_hidden_or_spoilt_in_every_list(
    venue: Venue, broker: BrokerSide, kind: FaultKind, rules: set[tuple[str, str]]
) -> None:
    await broker.do(Act(at=1, kind=kind, count=4, choice=0.5))

    laid = venue.simulation.faults.rules
    assert {(rule.kind.value, rule.path) for rule in laid} == rules
    assert {rule.count for rule in laid} == {4}
    assert {rule.shares for rule in laid} == ({3} if kind is FaultKind.LATE_FILLS else {0})
    assert sum((await broker.calm()).values()) == 0
