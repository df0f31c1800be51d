"""The prices that a host saw within each minute, as the replay's path."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from domain.market import Symbol
from domain.order import OrderPurpose
from lab.moments import LiveLooks
from lab.parity.seen import SeenDay
from lab.recording import RecordedSession
from simulator.natural_day import MinuteBar

_MINUTE: Final = 60


def follow_ticks(found: RecordedSession, seen: SeenDay) -> None:
    """Give each minute of a session the prices that were seen in it, by second.

    Until its first price a minute has the last one of the minute before, as the host had. A stock that was first seen
    later in the day gets its open, high, low and volume by then in the first minute.
    """
    opens_at = found.session.opens_at
    opens = int((opens_at - seen.instant(0)).total_seconds()) // _MINUTE
    for symbol, stock in found.stocks.items():
        minutes, last = stock.bars.minutes, dict[int, int]()
        opened, high, low, volume = seen.stocks.get(symbol, {}).get("so_far", (0, 0, 0, 0))
        if volume and 0 < low <= opened <= high and 0 not in minutes:
            minutes[0] = MinuteBar(opened, high, low, minutes[min(minutes)].open, volume)
        for number in sorted(minutes):
            bar, ticks = minutes[number], seen.ticks.get(symbol, {}).get(opens + number, ())
            last[number] = bar.close
            if not ticks:
                continue
            prices = _by_second(last.get(number - 1, bar.open), ticks, bar.close)
            stock.bars.seconds[number] = prices
            high, low = max(bar.high, prices[0]), min(bar.low, prices[0])
            minutes[number] = MinuteBar(prices[0], high, low, bar.close, bar.volume)


def _by_second(before: int, ticks: Sequence[tuple[int, int]], close: int) -> list[int]:
    """Return the last price of each second of a minute."""
    prices, price, place = list[int](), before, 0
    for second in range(_MINUTE):
        while place < len(ticks) and ticks[place][0] < (second + 1) * 1_000:
            price, place = ticks[place][1], place + 1
        prices.append(price)
    return [*prices[:-1], close]


def live_looks(seen: SeenDay, opens_at: datetime) -> LiveLooks:
    """Return the instants at which the fleet decided on an order that a host recorded."""
    entries, exits = list[tuple[int, Symbol]](), dict[Symbol, list[int]]()
    for order in sorted(seen.orders.values(), key=lambda each: each.decided_at):
        second = int((order.decided_at - opens_at).total_seconds())
        if order.purpose == OrderPurpose.ENTRY:
            entries.append((second, order.symbol))
        else:
            exits.setdefault(order.symbol, []).append(second)
    return LiveLooks(entries, exits)
