"""The prices of a held position since its purchase, minute by minute, with the lines of its exit rules."""

from typing import Any

from domain.clock import in_seoul
from domain.identity import PositionId
from fleet.fleet import Fleet
from reporting.indicators import stop_price, target_price


async def chart_of(fleet: Fleet, position_id: PositionId) -> dict[str, Any] | None:
    """Return the closes by minute of the day (KST) and the levels in won; None if the position is not held."""
    held = await fleet.database.positions.live(fleet.account_id, position_id)
    if held is None:
        return None
    bars = await fleet.database.day_seen.bars_of([position_id])
    entry, rules = held.entry_price, held.exit_rules
    levels = {"entry": entry, "stop": stop_price(entry, rules), "target": target_price(entry, rules)}
    return {
        "symbol": held.symbol,
        "name": held.name,
        "bars": [[_minute(bar.minute), bar.low, bar.high, bar.close] for bar in bars],
        "levels": {name: round(float(price)) for name, price in levels.items() if price is not None},
    }


def _minute(at: Any) -> int:
    there = in_seoul(at)
    return there.hour * 60 + there.minute
