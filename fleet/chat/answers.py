"""The fleet's state and its positions as short texts for a phone, from the books."""

from collections.abc import Iterator
from typing import Final

from domain.clock import in_seoul
from domain.position import OpenPosition
from fleet.board import Board, read_board
from fleet.fleet import Fleet
from reporting.sentences import Language, Words, command_line_words

_MOST_POSITIONS: Final = 30
_MOST_TROUBLES: Final = 6


async def status_text(fleet: Fleet, language: Language) -> str:
    """Return the state of the fleet in a few lines."""
    board = await read_board(fleet, fleet.market_now())
    held = await fleet.database.positions.held_in(fleet.account_id)
    return "\n".join(_status(board, len(held), command_line_words(language)))


async def positions_text(fleet: Fleet, language: Language) -> str:
    """Return a line for each held position."""
    said = command_line_words(language)
    held = await fleet.database.positions.held_in(fleet.account_id)
    lines = [_position(each, said) for each in held[:_MOST_POSITIONS]]
    if len(held) > _MOST_POSITIONS:
        lines.append(f"… +{len(held) - _MOST_POSITIONS}")
    return "\n".join(lines) or str(said["web"]["nothing_held"])


def _status(board: Board, held: int, said: Words) -> Iterator[str]:
    texts, plan = said["chat"], board.plan
    phase = said.say(plan.session.phase_at(board.now).value.replace("_", " "))
    yield texts["head"].format(
        environment=said["web"]["environments"][board.environment.value], at=f"{in_seoul(board.now):%H:%M}", phase=phase
    )
    if board.kill_switch_on:
        yield said["web"]["kill_switch_on"]
    shut = " · ".join(said.say_parts(each) for each in board.entries_closed_because)
    until = f"{in_seoul(plan.entries_until):%H:%M}"
    yield texts["entries_shut"].format(why=shut) if shut else texts["entries_until"].format(until=until)
    yield texts["result"].format(held=held, trades=board.trades, realised=board.realised, unrealised=board.unrealised)
    paused = sum(row.paused for row in board.rows)
    yield texts["workers"].format(running=len(board.rows) - len(board.stopped), paused=paused)
    warnings = [
        *(f"CLOSE OF {date} MISSED" for date in board.missed_closes),
        *(f"CANNOT PROGRESS: {each}" for each in board.failing),
        *(f"QUARANTINED: {each}" for each in board.quarantined),
        *board.troubles,
    ]
    yield from (f"! {said.say_parts(each)}" for each in warnings[:_MOST_TROUBLES])


def _position(held: OpenPosition, said: Words) -> str:
    return str(
        said["chat"]["position"].format(
            name=held.name,
            symbol=held.symbol,
            quantity=held.quantity,
            entry=round(held.entry_price),
            last=held.last_price,
            open=held.unrealised_pnl,
            worker=held.worker_id,
        )
    )
