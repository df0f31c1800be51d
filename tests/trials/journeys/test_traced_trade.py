"""One trade, one trace: from its candidate to its settlement, whoever sells, and whatever the receiver does."""

import asyncio
import re
import threading
from collections.abc import Sequence

import pytest

from domain.identity import PositionId
from runtime.tracing.otel import recorded_to
from runtime.tracing.trades import root_id_of, trace_id_of
from tests.trials.journeys.running_market import RunningMarket, running_market, until
from tools.tracing.receiver import Received, receiving
from tools.tracing.trades import Trades, is_settled

pytestmark = pytest.mark.timeout(240)
ALLOWED = re.compile(r"trade|(SQL|KIS) [a-z_ -]+|(Start|Run)Activity:[a-z_]+|(Signal|Handle)\w+:exit|[a-z ]+")
OF_TEMPORAL = {"temporalWorkflowID", "temporalRunID", "temporalActivityID"}


async def plays_one_trade(market: RunningMarket) -> PositionId:
    """Buy, let the price fall below the stop, sell, book."""
    async with market.hosted():
        await market.start_worker()
        position = await market.holds()
        await until(lambda: market.database.market_watches.owner_of(position.account_id, position.worker_id), "watch")
        market.price_moves(-0.05)
        await market.trades(1)
    return position.position_id


def path_of(span: Received, spans: Sequence[Received]) -> list[str]:
    """Return the names from the first span of the trace to this one."""
    known, names = {each.span_id: each for each in spans}, [span.name]
    while span.parent_id:
        span = known[span.parent_id]
        names.insert(0, span.name)
    return names


async def test_a_trade_is_one_trace_from_its_candidate_to_its_settlement(
    temporal_dev_server: str, database_url: str
) -> None:
    trades = Trades()
    with receiving(trades.take) as address:
        async with (
            recorded_to(address) as traces,
            running_market(temporal_dev_server, database_url, traces=traces) as market,
        ):
            position_id = await plays_one_trade(market)

    settled = {trace_id: spans for trace_id, spans in trades.all().items() if is_settled(spans)}
    assert settled.keys() == {f"{trace_id_of(position_id):032x}"}
    (spans,) = settled.values()
    paths = {" > ".join(path_of(span, spans)) for span in spans}
    entry = "trade > StartActivity:enter_position > RunActivity:enter_position"
    exit_ = "trade > end the watch"
    settlement = "trade > StartActivity:finish_sale > RunActivity:finish_sale"
    assert paths >= {
        "trade",
        f"{entry} > KIS inquire-psbl-order",
        f"{entry} > SQL insert orders",
        f"{entry} > KIS order-cash",
        f"{entry} > SQL insert fills",
        f"{exit_} > send the first exit order > SQL insert orders",
        f"{exit_} > send the first exit order > KIS order-cash",
        f"{exit_} > SignalWorkflow:exit > HandleSignal:exit",
        f"{settlement} > SQL insert trades",
    }
    roots = [span for span in spans if not span.parent_id]
    assert [(span.name, span.span_id) for span in roots] == [("trade", f"{root_id_of(position_id):016x}")]
    assert roots[0].attributes == {"haru.position_id": position_id}
    assert all(roots[0].began <= span.began <= span.ended for span in spans)
    assert len({span.span_id for span in spans}) == len(spans)


async def test_a_trace_carries_names_and_ids_only(temporal_dev_server: str, database_url: str) -> None:
    trades = Trades()
    with receiving(trades.take) as address:
        async with (
            recorded_to(address) as traces,
            running_market(temporal_dev_server, database_url, traces=traces) as market,
        ):
            await plays_one_trade(market)

    spans = [span for each in trades.all().values() for span in each]
    assert {span.name for span in spans if not ALLOWED.fullmatch(span.name)} == set()
    attributes = {name for span in spans for name in span.attributes}
    assert attributes <= {*OF_TEMPORAL, "haru.position_id", "haru.outcome", "haru.left_out"}


async def test_a_sale_that_a_host_carries_on_belongs_to_the_trace_of_its_trade(
    temporal_dev_server: str, database_url: str
) -> None:
    trades = Trades()
    with receiving(trades.take) as address:
        async with (
            recorded_to(address) as traces,
            running_market(temporal_dev_server, database_url, traces=traces) as market,
            market.hosted(),
        ):
            worker = await market.start_worker()
            position = await market.holds()
            owner = market.database.market_watches.owner_of
            await until(lambda: owner(position.account_id, position.worker_id), "watch")
            await worker.terminate("its workflow is gone")
            market.price_moves(-0.05)
            duty = market.carries_on()

            async def is_booked() -> bool:
                await duty.look()
                return await market.database.positions.live(position.account_id, position.position_id) is None

            await until(is_booked, "trade that a host has booked")

    spans = trades.all()[f"{trace_id_of(position.position_id):032x}"]
    paths = {" > ".join(path_of(span, spans)) for span in spans}
    assert "trade > end the watch > send the first exit order > KIS order-cash" in paths
    assert any(path.startswith("trade > carry the sale on > RunActivity:") for path in paths), paths
    assert is_settled(spans)


@pytest.mark.parametrize("is_absent", [False, True], ids=["the receiver hangs", "there is no receiver"])
async def test_no_trade_waits_for_a_receiver(
    temporal_dev_server: str, database_url: str, unused_port: int, is_absent: bool
) -> None:
    released, asked = threading.Event(), threading.Event()

    def hang(_: list[Received]) -> None:
        asked.set()
        released.wait()

    with receiving(hang) as address:
        try:
            async with (
                recorded_to(f"http://127.0.0.1:{unused_port}" if is_absent else address) as traces,
                running_market(temporal_dev_server, database_url, traces=traces) as market,
            ):
                await plays_one_trade(market)  # it buys, sells and books

                assert not released.is_set()
                lost = traces.lost
                assert lost is not None
                if is_absent:
                    await until(lambda: asyncio.to_thread(lost), "lost spans")
                else:
                    await until(lambda: asyncio.to_thread(asked.is_set), "request")
        finally:
            released.set()
