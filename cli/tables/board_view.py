"""The live table on a terminal. On a narrow one each worker's last event stands below the figures."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console, ConsoleOptions, RenderableType
from rich.text import Text

from cli.tables.board import event_of, heading, price_text, state_of
from cli.tables.fitting import Column, FittedTable
from cli.tables.terminal import cell
from domain.worker_state import WorkerState
from fleet.board import Board
from reporting.spoken import say_each

if TYPE_CHECKING:
    from database.workers import WorkerRow

_WIDE: Final = 140
"""Columns of a terminal from which the last event stands in the table."""
_EVENT: Final = Column("last event", short=True)
_COLUMNS: Final = (
    Column("worker"),
    Column("state"),
    Column("stock", short=True),
    Column("qty", figure=True),
    Column("entry", figure=True, least_of_all=True),
    Column("last", figure=True),
    Column("unrealised", figure=True),
    Column("realised", figure=True),
    Column("trades", figure=True),
)
_STATE_STYLES: Final = {
    WorkerState.IDLE: "dim",
    WorkerState.SCANNING: "cyan",
    WorkerState.HOLDING: "bold yellow",
    WorkerState.EXITING: "bold magenta",
}


@dataclass(frozen=True, slots=True)
class _View:
    board: Board

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        """Render heading, table and events in the width of the terminal."""
        board = self.board
        yield from (cell(text) for text in say_each(heading(board)))  # wrapped: each part may be a warning
        rows = [_cells(row, board) for row in board.rows]
        if options.max_width >= _WIDE:
            events = [cell(event_of(row)) for row in board.rows]
            with_events = [[*cells, event] for cells, event in zip(rows, events, strict=True)]
            yield FittedTable((*_COLUMNS, _EVENT), with_events)
            return
        yield FittedTable(_COLUMNS, rows)
        yield from (_line(f"{row.worker_id} {event_of(row)}", "dim") for row in board.rows if row.last_event)


def rendered(board: Board) -> RenderableType:
    """Return the table for a terminal."""
    return _View(board)


def _line(text: str, style: str = "") -> Text:
    line = cell(text, style)
    line.no_wrap, line.overflow = True, "ellipsis"
    return line


def _cells(row: "WorkerRow", board: Board) -> list[Text]:
    return [
        cell(row.worker_id),
        cell(state_of(row, board), style=_STATE_STYLES[row.state]),
        cell(f"{row.symbol or ''} {row.name}".strip()),
        cell(f"{row.quantity:,}" if row.quantity else ""),
        cell(price_text(row.entry_price)),
        cell(price_text(row.last_price)),
        _won(row.unrealised_pnl if row.quantity else None),
        _won(row.realised_pnl),
        cell(str(row.trades)),
    ]


def _won(amount: Any) -> Text:
    if amount is None:
        return Text("")
    return Text(f"{amount:+,}", style="green" if amount > 0 else "red" if amount < 0 else "")
