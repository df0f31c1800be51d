"""The exits of a held position: at which price or time each rule sells, and how far that is."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from domain.clock import in_seoul
from domain.position import OpenPosition
from reporting.indicators import stop_price, target_price


def exits_of(
    held: OpenPosition, now: datetime, sale_from: datetime, trend: Decimal | None = None
) -> list[dict[str, Any]]:
    """Return the exits at a market instant, the nearest price first, then the times, the earliest first.

    ``won`` and ``percent`` are the distance of the price from the last one. ``trend`` is the price at which the trend
    counts as broken, if it is known.
    """
    rules, last = held.exit_rules, held.last_price
    prices = {
        "stop_loss": stop_price(held.entry_price, rules),
        "trailing_stop": trailing_price(held),
        "take_profit": target_price(held.entry_price, rules),
        "trend_break": trend,
    }
    priced: list[dict[str, Any]] = [
        {
            "rule": name,
            "price": _won(price),
            "won": _won(price) - last,
            "percent": round(float((price - last) / last * 100), 2),
            "waits": False,
        }
        for name, price in prices.items()
        if price is not None and last
    ]
    timed = [("deadline", sale_from)]
    if rules.longest_holding:
        timed.append(("time_stop", held.opened_at + rules.longest_holding))
    return [
        *sorted(priced, key=lambda each: abs(each["percent"])),
        *_not_armed(held),
        *({"rule": name, **_until(at, now)} for name, at in sorted(timed, key=lambda each: each[1])),
    ]


def nearest_of(exits: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the exit whose price is nearest; None if no rule has a price."""
    return next((each for each in exits if "price" in each and not each["waits"]), None)


def trailing_price(held: OpenPosition) -> Decimal | None:
    """Return the price of an armed trailing stop."""
    rules, best = held.exit_rules, held.high_water_mark
    if not (rules.trailing_start and rules.trailing_distance):
        return None
    armed = best >= held.entry_price * (1 + rules.trailing_start)
    return best * (1 - rules.trailing_distance) if armed else None


def _not_armed(held: OpenPosition) -> list[dict[str, Any]]:
    """Return the trailing stop while it waits for the price that arms it."""
    rules, last = held.exit_rules, held.last_price
    if not (rules.trailing_start and rules.trailing_distance and last) or trailing_price(held) is not None:
        return []
    arms = held.entry_price * (1 + rules.trailing_start)
    percent = round(float((arms - last) / last * 100), 2)
    return [{"rule": "trailing_stop", "price": _won(arms), "won": _won(arms) - last, "percent": percent, "waits": True}]


def _until(at: datetime, now: datetime) -> dict[str, Any]:
    return {"at": f"{in_seoul(at):%H:%M:%S}", "seconds": max(int((at - now).total_seconds()), 0)}


def _won(price: Decimal) -> int:
    return round(float(price))
