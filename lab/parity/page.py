"""The page of a replayed day: live beside replay, trade by trade and on the minutes of each stock."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import accumulate
from pathlib import Path
from typing import Any, Final

from domain.clock import in_seoul
from domain.market import Symbol
from domain.position import ClosedTrade
from lab.parity.causes import Day
from lab.parity.comparing import Comparison
from lab.parity.seen import SeenDay
from reporting.page import page
from reporting.sentences import Language, Words, command_line_words
from reporting.writing import suffixed
from security.private_files import private_folder, write_private

_WIDTH: Final = 900
_HEIGHT: Final = 150
_EDGE: Final = 6
"""Pixels that a drawing keeps free above and below."""


def write_page(
    reports: Path, values: Mapping[str, Any], compared: tuple[SeenDay, Day, Day, Comparison], language: Language
) -> Path:
    """Write ``parity-DATE.html`` beside the other reports and return its path. OSErrors propagate."""
    private_folder(reports)
    path = reports / suffixed(f"parity-{values['date']}", language)
    write_private(path, page(page_values(values, compared, command_line_words(language)), language) + "\n")
    return path


def page_values(
    values: Mapping[str, Any], compared: tuple[SeenDay, Day, Day, Comparison], said: Words
) -> dict[str, Any]:
    """Return what the page shows; ``values`` are those that the verb prints."""
    seen, live, replay, found = compared
    return {
        **values,
        "kind": "parity",
        "problems": [said.say(each) for each in seen.problems],
        "left_out": {symbol: said.say(why) for symbol, why in values["left_out"].items()},
        "causes": {said.say(cause): count for cause, count in values["causes"].items()},
        "equal": sum(not differences for _, differences in found.pairs),
        "pairs": [_pair(pair.real, pair.lab, differences, said) for pair, differences in found.pairs],
        "results": _results(live, replay),
        "drawings": list(_drawings(seen, live, replay)),
        "width": _WIDTH,
        "height": _HEIGHT,
    }


def _pair(
    live: ClosedTrade | None, replay: ClosedTrade | None, differences: Sequence[Any], said: Words
) -> dict[str, Any]:
    """Return both trades and why they differ."""
    return {
        "symbol": (live or replay).symbol,  # type: ignore[union-attr] # a pair has at least one
        "live": _trade(live),
        "replay": _trade(replay),
        "difference": (live.net_pnl if live else 0) - (replay.net_pnl if replay else 0),
        "why": [
            {
                "what": said.say(each.what),
                "both": f"{each.live} / {each.replay}",
                "cause": said.say(each.cause.value),
                "evidence": said.say(each.evidence),
                "is_open": each.cause.value == "UNEXPLAINED",
            }
            for each in differences
        ],
    }


def _trade(trade: ClosedTrade | None) -> dict[str, Any] | None:
    if trade is None:
        return None
    times = f"{in_seoul(trade.opened_at):%H:%M:%S} – {in_seoul(trade.closed_at):%H:%M:%S}"
    return {"times": times, "shares": trade.quantity, "reason": trade.exit_reason.value, "net": trade.net_pnl}


def _results(live: Day, replay: Day) -> dict[str, Any]:
    """Return the sums of both days' results over the day, as two lines of one drawing; empty without a trade."""
    days = {"live": live.trades, "replay": replay.trades}
    trades = [trade for day in days.values() for trade in day]
    if not trades:
        return {"live": "", "replay": "", "low": 0, "high": 0}
    first, last = (_minute(each(trade.closed_at for trade in trades)) for each in (min, max))
    sums = {name: _sums(day) for name, day in days.items()}
    every = [0, *(won for each in sums.values() for _, won in each)]
    scale = _Scale(first, max(last, first + 1), min(every), max(every))
    lines = {name: _steps(each, scale, last) for name, each in sums.items()}
    return {**lines, "low": scale.low, "high": scale.high}


def _sums(trades: Sequence[ClosedTrade]) -> list[tuple[float, int]]:
    ordered = sorted(trades, key=lambda each: each.closed_at)
    nets = accumulate(each.net_pnl for each in ordered)
    return [(_minute(trade.closed_at), int(net)) for trade, net in zip(ordered, nets, strict=True)]


def _steps(sums: Sequence[tuple[float, int]], scale: "_Scale", last: float) -> str:
    points, won = [scale.at(scale.first, 0)], 0
    for minute, after in sums:
        points += [scale.at(minute, won), scale.at(minute, after)]
        won = after
    return " ".join([*points, scale.at(last, won)])


def _drawings(seen: SeenDay, live: Day, replay: Day) -> Iterator[dict[str, Any]]:
    """Yield each traded stock: its recorded closes, and both days' trades on them."""
    symbols = dict.fromkeys(trade.symbol for day in (live, replay) for trade in day.trades)
    for symbol in symbols:
        closes = [(float(minute), bar.close) for minute, bar in sorted(seen.bars.get(symbol, {}).items())]
        trades = {
            name: [trade for trade in day.trades if trade.symbol == symbol]
            for name, day in (("live", live), ("replay", replay))
        }
        scale = _scale_of(closes, [trade for each in trades.values() for trade in each])
        yield {
            "symbol": symbol,
            "name": _name_of(seen, symbol, live, replay),
            "low": scale.low,
            "high": scale.high,
            "closes": " ".join(scale.at(minute, close) for minute, close in closes),
            "live": [_mark(trade, scale) for trade in trades["live"]],
            "replay": [_mark(trade, scale) for trade in trades["replay"]],
        }


def _name_of(seen: SeenDay, symbol: Symbol, live: Day, replay: Day) -> str:
    noted = str(seen.stocks.get(symbol, {}).get("name", ""))
    traded = (trade.name for day in (live, replay) for trade in day.trades if trade.symbol == symbol)
    return noted or next(traded, "")


class _Scale:
    """Minutes of the day and prices or won, as pixels."""

    def __init__(self, first: float, last: float, low: float, high: float) -> None:
        self.first, self.low, self.high = first, int(low), int(high)
        self._across = _WIDTH / (last - first)
        self._up = (_HEIGHT - 2 * _EDGE) / ((high - low) or 1)

    def at(self, minute: float, value: float) -> str:
        """Return a point of an SVG line."""
        x, y = (minute - self.first) * self._across, _HEIGHT - _EDGE - (value - self.low) * self._up
        return f"{x:.1f},{y:.1f}"


def _scale_of(closes: Sequence[tuple[float, int]], trades: Sequence[ClosedTrade]) -> _Scale:
    minutes = [minute for minute, _ in closes]
    minutes += [_minute(at) for trade in trades for at in (trade.opened_at, trade.closed_at)]
    prices = [float(close) for _, close in closes] + [price for trade in trades for price in _prices(trade)]
    return _Scale(min(minutes), max(*minutes, min(minutes) + 1), min(prices), max(prices))


def _mark(trade: ClosedTrade, scale: _Scale) -> dict[str, Any]:
    entry, end = _prices(trade)
    return {
        "points": f"{scale.at(_minute(trade.opened_at), entry)} {scale.at(_minute(trade.closed_at), end)}",
        **(_trade(trade) or {}),
    }


def _prices(trade: ClosedTrade) -> tuple[float, float]:
    return trade.entry_amount / trade.quantity, trade.exit_amount / trade.quantity


def _minute(at: datetime) -> float:
    """Return minutes since midnight in Seoul."""
    there = in_seoul(at)
    return there.hour * 60 + there.minute + there.second / 60
