"""On a narrow terminal names are shortened and the least important column is left out; figures are whole."""

import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from rich.cells import cell_len

from cli.tables.board import heading
from cli.tables.board_view import rendered
from cli.tables.figures import summaries_table, trades_table
from cli.tables.terminal import Terminal, wrapped
from domain.identity import WorkerId
from reporting.spoken import say, speak
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


@pytest.mark.usefixtures("in_each_language")
@pytest.mark.parametrize("width", [80, 120])
def test_a_narrow_terminal_hides_no_warning_of_the_heading(width: int) -> None:
    board = a_board(
        a_row(), kill_switch_on=True, failing=("trading-worker/simulated-1/worker-1",), trouble="NOT CURRENT"
    )

    text = " ".join("\n".join(lines_of(rendered(board), width)).split())

    for warning in heading(board)[0].split(" · ")[3:]:
        assert say(warning) in text


def test_a_long_line_is_wrapped_between_words_on_a_terminal_and_whole_in_a_pipe() -> None:
    text = "  worker-1 net +229,318 won, entries stop at -500,000 (729,318 away) · 27 of 30 trades left · 0 losses"
    terminal = Terminal(file=io.StringIO(), width=80, record=True, force_terminal=True)
    pipe = Terminal(file=io.StringIO(), width=80, record=True)

    terminal.say(text)
    pipe.say(text)

    first, second = terminal.export_text().splitlines()
    assert (first.split() + second.split(), cell_len(first) <= 80) == (text.split(), True)
    assert len(second) - len(second.lstrip()) == 4
    assert pipe.export_text() == f"{text}\n"


def test_wrapped_korean_lines_keep_to_the_width_and_the_indent() -> None:
    text = "정상      호스트        " + "호스트 한도가 모든 워크플로의 상한입니다. " * 4

    lines = wrapped(text.strip(), 80, 24).splitlines()

    assert len(lines) > 1
    assert [line for line in lines if cell_len(line) > 80] == []
    assert all(line.startswith(" " * 24) for line in lines[1:])
