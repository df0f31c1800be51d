"""Show the live table until it is stopped, on a terminal or into a pipe."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

from rich.live import Live

from cli.tables.board import plain_lines
from cli.tables.board_view import rendered
from cli.tables.terminal import Terminal
from database.errors import DATABASE_FAULTS, database_cause
from fleet.board import Board

_REFRESH_SECONDS: Final = 0.4
_PLAIN_SECONDS: Final = 5.0

ReadBoard = Callable[[], Awaitable[Board]]


async def watch(console: Terminal, read: ReadBoard, is_over: Callable[[], bool]) -> None:
    """Refresh the table until it is over. Without a terminal, print plain lines at intervals."""
    patient = _patient(read)
    if console.is_terminal:
        await _watch_live(console, patient, is_over)
    else:
        await _watch_plainly(console, patient, is_over)


def _patient(read: ReadBoard) -> ReadBoard:
    """Keep showing the last state while the database is away. The workers wait for it in the same way."""
    last: Board | None = None

    async def read_or_keep() -> Board:
        nonlocal last
        try:
            last = await read()
        except DATABASE_FAULTS as fault:
            if last is None:
                raise
            return replace(last, trouble=f"NOT CURRENT, the database is away: {database_cause(fault)}")
        return last

    return read_or_keep


async def _watch_live(console: Terminal, read: ReadBoard, is_over: Callable[[], bool]) -> None:
    with Live(rendered(await read()), console=console, auto_refresh=False) as live:
        while not is_over():
            live.update(rendered(await read()), refresh=True)
            await asyncio.sleep(_REFRESH_SECONDS)


async def _watch_plainly(console: Terminal, read: ReadBoard, is_over: Callable[[], bool]) -> None:
    waited = _PLAIN_SECONDS
    while not is_over():
        if waited >= _PLAIN_SECONDS:
            print_plainly(console, await read())
            waited = 0.0
        await asyncio.sleep(_REFRESH_SECONDS)
        waited += _REFRESH_SECONDS


def print_plainly(console: Terminal, board: Board) -> None:
    """Print the table's lines once."""
    for line in plain_lines(board):
        console.say(line)
