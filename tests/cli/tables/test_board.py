"""The live table: its content on a terminal, in a pipe and as JSON."""

import asyncio
import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from cli.tables.board import countdown, heading, plain_lines
from cli.tables.board_view import rendered
from cli.tables.terminal import Terminal
from cli.tables.watching import watch
from database.stream_leases import StreamState
from domain.clock import KST, LIVE_CLOCK, MarketClock
from domain.close_plan import CloseLeads
from domain.identity import WorkerId
from domain.rules import TradingRules
from domain.worker_state import WorkerLife, WorkerState
from fleet.board import Board, as_json, read_board
from fleet.fleet import Fleet
from fleet.starting import start_worker
from tests.cli.demo.parts import a_board, a_holding_row, a_row
from tests.support.builders import NOW, SAMSUNG
from tests.support.running_fleet import Hosted


def shown(board_lines: object, *, width: int = 160) -> str:
    console = Terminal(file=io.StringIO(), width=width, record=True)
    console.print(board_lines)
    return console.export_text()


def test_the_heading_shows_whose_money_when_and_how_it_goes() -> None:
    board = a_board(a_row(realised_pnl=5_000, trades=1), a_holding_row(), web_ui="http://127.0.0.1:8233")

    first, second, third, fourth = heading(board)

    assert first == "HARU · SIMULATED · 2026-11-23 10:00:00 KST · continuous, liquidation in 5:15:00"
    assert second == "net +2,000 won in 3 trades · unrealised +10,000 won"
    assert third == "entries until 15:00, sale from 15:15 (15 min before the end at 15:30)"
    assert fourth == "Web UI http://127.0.0.1:8233"


def test_a_position_that_is_sold_before_the_others_says_when_and_why() -> None:
    begins = datetime(2026, 11, 23, 14, 55, tzinfo=KST).astimezone(UTC)
    board = a_board(a_row(), a_holding_row(sale_begins_at=begins, sale_begins_because="thin: 3,000 shares need 25 min"))

    assert heading(board)[3] == "worker-2 005930 삼성전자: sale from 14:55 (thin: 3,000 shares need 25 min)"
    assert "sale from 14:55" in shown(rendered(board))
    read = json.loads(json.dumps(as_json(board)))
    assert read["workers"][1]["sale_begins_at"] == "2026-11-23T14:55:00+09:00"
    assert read["workers"][0]["sale_begins_at"] is None


async def test_the_plan_is_shown_before_the_open_and_grows_with_the_fleet(fleet: Fleet) -> None:
    morning = datetime(2026, 11, 23, 8, 0, tzinfo=KST).astimezone(UTC)
    slow = replace(fleet, leads=CloseLeads(calls_per_second=1))
    before = await read_board(slow, morning)

    names = [WorkerId(f"worker-{number}") for number in range(1, 31)]
    await fleet.database.workers.register_all(fleet.account_id, {name: f"trading-worker/{name}" for name in names})
    board = await read_board(slow, morning)

    assert heading(before)[2].startswith("entries until 15:00, sale from 15:15 (15 min before the end")
    assert "entries until 15:00, sale from 15:12 (30 positions need 7 min 51 s" in heading(board)[2]
    read = as_json(board)
    assert read["entries_until"] == "2026-11-23T15:00:00+09:00"
    assert read["liquidation_at"] == "2026-11-23T15:12:00+09:00"
    assert read["liquidation_because"].startswith("30 positions need 7 min 51 s at 1 calls/s")


@pytest.mark.parametrize(
    ("clock", "said"),
    [
        (LIVE_CLOCK, "10:00:00 KST · "),
        (MarketClock(NOW, NOW + timedelta(hours=1)), "10:00:00 KST (market time) · "),
        (MarketClock(NOW, NOW, 180), "10:00:00 KST (market time, 180-fold) · "),
    ],
)
def test_the_heading_names_a_clock_that_is_not_the_one_on_the_wall(clock: MarketClock, said: str) -> None:
    assert said in heading(a_board(clock=clock))[0]
    assert as_json(a_board(clock=clock))["market_speed"] == clock.speed


async def test_the_stream_is_shown_in_market_time_like_all_else(fleet: Fleet) -> None:
    await fleet.database.stream_leases.take(fleet.account_id, "host-1/7/3e53")
    await fleet.database.stream_leases.report(fleet.account_id, "host-1/7/3e53", (SAMSUNG,))
    kept = await fleet.database.stream_leases.state(fleet.account_id)
    assert kept is not None
    assert kept.connected_since is not None
    real = kept.connected_since
    fast = replace(fleet, clock=MarketClock(real, NOW, 180))

    board = await read_board(fast, NOW + timedelta(minutes=30))

    assert "stream: 1 stock, host-1/7/3e53 since 10:00:00" in heading(board)[1]
    assert as_json(board)["stream"]["connected_since"] == "2026-11-23T10:00:00+09:00"


def test_the_heading_shouts_about_the_kill_switch() -> None:
    assert heading(a_board(kill_switch_on=True))[0].endswith("KILL SWITCH ON")


HEARD = StreamState("host-1/7/3e53", True, datetime(2026, 11, 23, 0, 59, tzinfo=UTC), (SAMSUNG,), "")


@pytest.mark.parametrize(
    ("stream", "said"),
    [
        (HEARD, "stream: 1 stock, host-1/7/3e53 since 09:59:00"),
        (replace(HEARD, connected_since=None, trouble="cut"), "no stream: cut"),
        (replace(HEARD, is_live=False), "no stream: no process holds it"),
    ],
    ids=["heard", "lost", "no process"],
)
def test_the_heading_says_who_holds_the_stream_or_why_no_process_does(stream: StreamState, said: str) -> None:
    board = a_board(stream=stream)

    assert heading(board)[1].endswith(f" · {said}")
    assert as_json(board)["stream"]["owner"] == "host-1/7/3e53"
    json.dumps(as_json(board))


@pytest.mark.parametrize(
    ("at", "said"),
    [
        ("08:20", "closed, opens in 0:40:00"),
        ("08:45", "opening auction, opens in 0:15:00"),
        ("09:00", "continuous, liquidation in 6:15:00"),
        ("15:05", "continuous, no more entries, liquidation in 0:10:00"),
        ("15:16", "continuous, liquidating, ends in 0:14:00"),
        ("15:21", "closing auction, liquidating, ends in 0:09:00"),
        ("15:30", "the session is over"),
    ],
)
def test_the_countdown_follows_the_session(at: str, said: str) -> None:
    now = datetime.fromisoformat(f"2026-11-23 {at}").replace(tzinfo=KST).astimezone(UTC)

    assert countdown(a_board(now=now)) == said


def test_a_holding_worker_is_shown_with_its_stock_and_prices() -> None:
    text = shown(rendered(a_board(a_holding_row())))

    for part in ("worker-2", "holding", "005930 삼성전자", "70,000", "71,000", "+10,000", "-3,000", "10:00:00 bought"):
        assert part in text


def test_a_paused_worker_says_so_and_an_idle_one_has_no_figures() -> None:
    text = shown(rendered(a_board(a_row(paused=True, state=WorkerState.IDLE, last_event_at=None))))

    assert "idle (paused)" in text
    assert "None" not in text


def test_a_pipe_gets_one_line_a_worker() -> None:
    lines = plain_lines(a_board(a_row(), a_holding_row()))

    assert lines[3] == "  worker-1 scanning | net +0 in 0 | 10:00:00 scanning"
    assert "×10 at 70,000 now 71,000 +10,000" in lines[4]


def test_the_table_as_json_can_be_read_by_programs() -> None:
    read = json.loads(json.dumps(as_json(a_board(a_row(last_event_at=None), a_holding_row()))))

    assert read["phase"] == "continuous"
    assert read["liquidation_at"] == "2026-11-23T15:15:00+09:00"
    assert [worker["entry_price"] for worker in read["workers"]] == [None, 70_000]
    assert read["workers"][1]["state"] == "holding"


async def test_the_table_is_read_from_the_books(fleet: Fleet) -> None:
    await fleet.database.workers.register(fleet.account_id, WorkerId("worker-1"), "w")
    await fleet.database.risk.press_kill_switch(fleet.account_id, "test", "drill")

    board = await read_board(fleet, NOW)

    assert [row.worker_id for row in board.rows] == ["worker-1"]
    assert board.kill_switch_on


async def test_after_the_session_its_own_figures_stay_on_the_table(fleet: Fleet) -> None:
    evening = datetime(2026, 11, 23, 18, 0, tzinfo=KST).astimezone(UTC)

    assert (await read_board(fleet, evening)).plan.session.date.isoformat() == "2026-11-23"
    assert fleet.plan_at(evening).session.date.isoformat() == "2026-11-24"


async def test_a_worker_whose_workflow_has_ended_is_shown_as_stopped(hosted: Hosted) -> None:
    fleet = hosted.fleet
    for name in ("worker-1", "worker-2"):
        await fleet.database.workers.register(fleet.account_id, WorkerId(name), f"trading-worker/{name}")
    life = WorkerLife(fleet.account_id, WorkerId("worker-1"), TradingRules(), fleet.clock, paused=True)
    await start_worker(fleet, life)

    async with asyncio.timeout(20):
        while (board := await read_board(fleet, fleet.market_now())).stopped != {"worker-2"}:
            await asyncio.sleep(0.1)

    assert [worker["state"] for worker in as_json(board)["workers"]] == ["idle", "stopped"]
    assert "worker-2 stopped" in plain_lines(board)[-1]


@pytest.mark.parametrize("is_terminal", [True, False])
async def test_watching_shows_the_table_until_it_is_over(is_terminal: bool) -> None:
    console = Terminal(file=io.StringIO(), force_terminal=is_terminal, width=160)
    reads = 0

    async def read() -> object:
        nonlocal reads
        reads += 1
        return a_board(a_holding_row())

    async with asyncio.timeout(10):
        await watch(console, read, lambda: reads >= 1 and console.file.tell() > 0)  # type: ignore[arg-type]

    assert isinstance(console.file, io.StringIO)
    assert "삼성전자" in console.file.getvalue()


async def test_while_the_database_is_away_the_last_state_stays_and_says_so() -> None:
    console = Terminal(file=io.StringIO(), force_terminal=True, width=200)
    answers = iter([a_board(a_holding_row()), a_board(a_holding_row())])
    text = ""

    async def read() -> Board:
        try:
            return next(answers)
        except StopIteration:
            raise ConnectionRefusedError("connection refused") from None

    def is_over() -> bool:
        nonlocal text
        assert isinstance(console.file, io.StringIO)
        text = console.file.getvalue()
        return "NOT CURRENT" in text

    async with asyncio.timeout(10):
        await watch(console, read, is_over)

    assert "NOT CURRENT, the database is away: the connection is refused" in text


async def test_a_database_that_never_answered_is_an_error() -> None:
    async def read() -> Board:
        raise ConnectionRefusedError("connection refused")

    with pytest.raises(ConnectionRefusedError):
        await watch(Terminal(file=io.StringIO()), read, lambda: False)


def test_shut_entries_are_reported_with_the_reason_to_people_and_programs() -> None:
    board = a_board(entries_closed_because=("calendars disagree: 2026-11-23 is a session by ours", "no access"))

    assert "entries shut: calendars disagree: 2026-11-23 is a session by ours" in heading(board)
    assert as_json(board)["entries_closed_because"][0].startswith("calendars disagree")
    assert not any("entries shut" in line for line in heading(a_board()))
