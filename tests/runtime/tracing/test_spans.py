"""Spans of a process: only within a step of a trade, and a bounded number of them."""

import asyncio
import logging

import pytest

from domain.identity import PositionId
from runtime.log_lines import WithItsStep
from runtime.tracing.otel import recorded_to
from runtime.tracing.trades import root_id_of, trace_id_of
from tools.tracing.receiver import Received, receiving
from tools.tracing.trades import Trades

POSITION = PositionId("run.1")


async def received(trades: Trades) -> list[Received]:
    """Return the spans of the trade. The end of the recording has delivered them."""
    return list(trades.all().get(f"{trace_id_of(POSITION):032x}", ()))


async def test_calls_and_statements_are_spans_of_the_step_around_them_and_of_nothing_else() -> None:
    trades = Trades()
    with receiving(trades.take) as address:
        async with recorded_to(address) as traces:
            assert traces.statement is not None
            traces.statement("SELECT 1 FROM orders", 0.1)
            with traces.call("inquire-price"):
                pass
            with traces.trades.of_trade(POSITION, "a step"):
                traces.statement("INSERT INTO orders VALUES ($1)", 0.25)
                with traces.call("order-cash"), traces.trades.of_trade(POSITION, "a step of the step"):
                    pass

    spans = {span.name: span for span in await received(trades)}
    assert spans.keys() == {"a step", "SQL insert orders", "KIS order-cash", "a step of the step"}
    assert spans["a step"].parent_id == f"{root_id_of(POSITION):016x}"
    assert spans["SQL insert orders"].parent_id == spans["KIS order-cash"].parent_id == spans["a step"].span_id
    assert spans["a step of the step"].parent_id == spans["KIS order-cash"].span_id
    assert spans["SQL insert orders"].ended - spans["SQL insert orders"].began == 250_000_000
    assert len(trades.all()) == 1


async def test_a_loop_that_outlives_its_step_records_nothing_more() -> None:
    trades, ended = Trades(), asyncio.Event()
    with receiving(trades.take) as address:
        async with recorded_to(address) as traces:
            assert traces.statement is not None
            statement = traces.statement

            async def loop() -> None:
                await ended.wait()
                statement("SELECT 1 FROM orders", 0.1)

            with traces.trades.of_trade(POSITION, "a step"):
                task = asyncio.create_task(loop())
            ended.set()
            await task

    assert [span.name for span in await received(trades)] == ["a step"]


async def test_a_step_shows_a_hundred_statements_and_the_number_of_the_others() -> None:
    trades = Trades()
    with receiving(trades.take) as address:
        async with recorded_to(address) as traces:
            assert traces.statement is not None
            with traces.trades.of_trade(POSITION, "a step"):
                for _ in range(107):
                    traces.statement("SELECT 1 FROM orders", 0.1)

    spans = await received(trades)
    assert len(spans) == 101
    assert next(span for span in spans if span.name == "a step").attributes == {"haru.left_out": "7"}


async def test_an_error_passes_through_and_only_its_type_is_recorded() -> None:
    trades = Trades()
    with receiving(trades.take) as address:
        async with recorded_to(address) as traces:
            with pytest.raises(ValueError, match="71,000"), traces.trades.of_trade(POSITION, "a step"):
                raise ValueError("005930 at 71,000")

    (span,) = await received(trades)
    assert span.error == "ValueError"


async def test_a_log_line_names_its_trace() -> None:
    trades = Trades()
    with receiving(trades.take) as address:
        async with recorded_to(address) as traces:
            inside, outside = logging.makeLogRecord({}), logging.makeLogRecord({})
            with traces.trades.of_trade(POSITION, "a step"):
                WithItsStep().filter(inside)
            WithItsStep().filter(outside)

    assert vars(inside)["trace_id"] == f"{trace_id_of(POSITION):032x}"
    assert "trace_id" not in vars(outside)
