"""On a narrow terminal names are shortened and the least important column is left out; figures are whole."""

import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from rich.cells import cell_len

from cli.tables.board_view import rendered
from cli.tables.figures import summaries_table, trades_table
from cli.tables.terminal import Terminal
from domain.identity import WorkerId
from reporting.spoken import speak
from tests.cli.demo.parts import a_board, a_holding_row, a_row
from tests.reporting.parts import a_day
from tests.support.builders import NOW


@pytest.fixture(params=["en", "ko"])
def in_each_language(request: pytest.FixtureRequest) -> Iterator[None]:
    speak(request.param)
    yield
    speak("en")


def lines_of(renderable: object, width: int) -> list[str]:
    console = Terminal(file=io.StringIO(), width=width, record=True, force_terminal=True)
    console.print(renderable)
    return console.export_text().splitlines()


def a_full_board() -> object:
    big = replace(
        a_holding_row(quantity=1_234, unrealised_pnl=-1_234_567, realised_pnl=1_234_567),
        worker_id=WorkerId("worker-10"),
        name="TIGER 미국S&P500레버리지(합성 H)",
        last_event="bought 1,234 at 70,000: it rises",
        last_event_at=NOW + timedelta(seconds=5),
    )
    return rendered(a_board(replace(a_row(), paused=True), big, web_ui="http://127.0.0.1:8233"))


@pytest.mark.usefixtures("in_each_language")
@pytest.mark.parametrize("width", [80, 120, 160])
def test_no_figure_of_the_live_table_is_clipped(width: int) -> None:
    lines = lines_of(a_full_board(), width)

    text = "\n".join(lines)
    for whole in ("worker-10", "1,234", "-1,234,567", "+1,234,567", "10:00:05"):
        assert whole in text
    assert max(map(cell_len, lines)) <= width


@pytest.mark.usefixtures("in_each_language")
@pytest.mark.parametrize("width", [80, 120])
def test_no_figure_of_trades_and_summaries_is_clipped(width: int) -> None:
    day = a_day()

    lines = [*lines_of(trades_table(day.trades), width), *lines_of(summaries_table(day.summaries), width)]

    text = "\n".join(lines)
    for whole in ("worker-1", "200,000", "197,000", "11:20:00", "-15,000", "50.0%"):
        assert whole in text
    assert max(map(cell_len, lines)) <= width


def test_what_a_narrow_terminal_leaves_out_a_wide_one_shows() -> None:
    assert "70,000" not in "\n".join(line for line in lines_of(a_full_board(), 80) if line.startswith("worker-10 hold"))
    assert "TIGER 미국S&P500레버리지(합성 H)" in "\n".join(lines_of(a_full_board(), 120))
