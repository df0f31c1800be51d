"""``starter.py status``: the fleet's table once, with the limits of workers and hosts."""

from cli.desk import Desk
from cli.tables.board_view import rendered
from cli.tables.capacity import capacity_json, capacity_line, read_capacity
from cli.tables.duties import duties_json, overdue_lines
from cli.tables.host_limits import host_limits_json, host_warnings, read_host_limits
from cli.tables.limits import limit_lines, limits_json, read_limits
from cli.tables.standings import standings_json
from cli.tables.watching import print_plainly
from fleet.board import as_json, read_board
from fleet.standings import read_standings, standing_warnings


async def status(desk: Desk) -> int:
    """Show the table once."""
    board = await read_board(desk.fleet, desk.fleet.market_now())
    limits, hosts = await read_limits(desk.fleet, board, desk.rules.risk), await read_host_limits(desk.fleet)
    prices = await read_capacity(desk.fleet, desk.rules.execution)
    duties = await desk.fleet.database.hosts.duties(desk.fleet.account_id)
    standings = await read_standings(desk.fleet, desk.rules.strategy.names)
    environment = desk.fleet.environment
    found = [
        *host_warnings(hosts, desk.rules, environment),
        *standing_warnings(standings, environment),
        *overdue_lines(duties),
    ]
    warnings = [f"WARNING {each}" for each in found]

    def show() -> None:
        if desk.console.is_terminal:
            desk.console.print(rendered(board))
        else:
            print_plainly(desk.console, board)
        for line in [*limit_lines(limits), *([capacity_line(prices)] if prices else []), *warnings]:
            desk.console.say(line)

    shown = limits_json(limits) | host_limits_json(hosts) | capacity_json(prices)
    shared = {"limits": shown, "strategies": standings_json(standings)}
    desk.answer({**as_json(board), **shared, **duties_json(duties)}, show)
    return 0
