"""Slippage learnt from fills: what each side of a trade costs against its decision price, by class.

A class mean is drawn towards the mean of its side: a deviation counts n ÷ (n + 20) of n fills. Classes are those of the
report: spread (one tick ÷ price), the stock's turnover in the session before, and the hour of the order.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from statistics import fmean
from typing import Any, Final

from domain.clock import in_seoul
from domain.money import Won, notional
from domain.position import ClosedTrade
from reporting.grouping import UNKNOWN, spread_class, turnover_class
from security.private_files import write_private

FILE: Final = "slippage.json"
MODEL_FILE: Final = "slippage-of-the-model.json"
"""What the fill model took in a backtest, by the same classes: a report compares it with the books' fills."""
STATED: Final = "the stated fill model"
LEAST_FILLS: Final = 100
"""Fills of each side below which a calibration says more about chance than about costs."""
LEAST_SESSIONS: Final = 10
_DRAWN: Final = 20
SIDES: Final = ("entry", "exit")

TurnoverBefore = Callable[[ClosedTrade], int | None]


class TooFewFillsError(Exception):
    """The books have too few fills; the text says how many are there and how many are needed."""


@dataclass(frozen=True, slots=True)
class Fill:
    """One side of a trade: its classes, and what it cost against the decision price ÷ the amount decided."""

    side: str
    classes: tuple[str, ...]
    rate: float


@dataclass(frozen=True)
class Calibration:
    """Slippage by side and class. Rates are shares of the amount; positive costs."""

    means: Mapping[str, float]
    deviations: Mapping[str, float]
    """By side and class, such as ``entry/spread_1``: the difference to the side's mean, already drawn to it."""
    fills: Mapping[str, int]
    sessions: int
    first: str = ""
    last: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Return what a result says about the calibration that it used."""
        return (
            f"learnt from {self.fills['entry']:,} entry fills, {self.fills['exit']:,} exit fills in {self.sessions} "
            f"sessions, {self.first} to {self.last}"
        )

    def rate(self, fill: Fill) -> float:
        """Return the expected slippage of a fill."""
        parts = (self.deviations.get(f"{fill.side}/{name}", 0.0) for name in fill.classes)
        return self.means[fill.side] + sum(parts)


def fills_of(trades: Iterable[ClosedTrade], turnover_before: TurnoverBefore) -> Iterator[Fill]:
    """Yield both sides of each trade; a side without a decision price of ours, or without shares, is left out."""
    for trade in trades:
        if not trade.quantity:
            continue
        shared = (spread_class(trade), turnover_class(turnover_before(trade)))
        bought = notional(trade.entry_decision_price, trade.quantity)
        if bought > 0:
            classes = _known(*shared, _hour(trade.opened_at))
            yield Fill("entry", classes, trade.entry_amount / bought - 1)
        sold = notional(trade.exit_decision_price, trade.quantity)
        if sold > 0 and trade.is_sold_by_us:
            classes = _known(*shared, _hour(trade.closed_at))
            yield Fill("exit", classes, 1 - trade.exit_amount / sold)


def learn(trades: Sequence[ClosedTrade], turnover_before: TurnoverBefore) -> Calibration:
    """Return the calibration of trades.

    Raises:
        TooFewFillsError: there are too few of them.
    """
    sessions = sorted({trade.session_date for trade in trades})
    fills = list(fills_of(trades, turnover_before))
    sides = {side: [fill for fill in fills if fill.side == side] for side in SIDES}
    fewest = min(map(len, sides.values()))
    if fewest < LEAST_FILLS or len(sessions) < LEAST_SESSIONS:
        raise TooFewFillsError(
            f"{fewest:,} fills of one side in {len(sessions)} sessions: slippage is learnt from at least "
            f"{LEAST_FILLS} in {LEAST_SESSIONS}; trade on, and use the stated model until then"
        )
    means = {side: fmean(fill.rate for fill in of_side) for side, of_side in sides.items()}
    rates: dict[str, list[float]] = {}
    for fill in fills:
        for name in fill.classes:
            rates.setdefault(f"{fill.side}/{name}", []).append(fill.rate - means[fill.side])
    return Calibration(
        means,
        {key: sum(found) / (len(found) + _DRAWN) for key, found in sorted(rates.items())},
        {side: len(of_side) for side, of_side in sides.items()},
        len(sessions),
        f"{sessions[0]}",
        f"{sessions[-1]}",
        {key: len(found) for key, found in sorted(rates.items())},
    )


def extra_slippage(trade: ClosedTrade, calibration: Calibration, turnover_before: TurnoverBefore) -> Won:
    """Return what a trade would have lost beyond its own fills, by a calibration; negative: less."""
    decided = {
        "entry": notional(trade.entry_decision_price, trade.quantity),
        "exit": notional(trade.exit_decision_price, trade.quantity),
    }
    extra = sum(
        decided[fill.side] * (calibration.rate(fill) - fill.rate) for fill in fills_of([trade], turnover_before)
    )
    return Won(round(extra))


def keep(folder: Path, calibration: Calibration, name: str = FILE) -> Path:
    """Write a calibration into a folder."""
    path = folder / name
    write_private(path, json.dumps(asdict(calibration), ensure_ascii=False, indent=1))
    return path


def keep_in(folder: Path, calibration: Calibration | None) -> None:
    """Write the calibration of a backtest into its folder; none is the stated model."""
    if calibration is None:
        (folder / FILE).unlink(missing_ok=True)
    else:
        keep(folder, calibration)


def kept(folder: Path, name: str = FILE) -> Calibration | None:
    """Return the calibration of a folder, None without a readable one."""
    try:
        values: dict[str, Any] = json.loads((folder / name).read_bytes())
        return Calibration(**values)
    except (OSError, ValueError, TypeError):
        return None


def _known(*names: str) -> tuple[str, ...]:
    return tuple(name for name in names if name != UNKNOWN)


def _hour(at: datetime) -> str:
    return f"hour_{in_seoul(at).hour:02}"


def slippage_values(
    trades: Sequence[ClosedTrade], calibration: Calibration | None, turnover_before: TurnoverBefore
) -> dict[str, Any]:
    """Return which slippage a backtest's result has: the fill model's, and what a calibration adds to it (won)."""
    extra = 0 if calibration is None else sum(extra_slippage(each, calibration, turnover_before) for each in trades)
    return {
        "model": STATED if calibration is None else calibration.name,
        "modelled": sum(trade.slippage for trade in trades),
        "extra": extra,
        "net": sum(trade.net_pnl for trade in trades) - extra,
    }


def compared(realised: Calibration, modelled: Calibration | None) -> list[dict[str, Any]]:
    """Return realised beside modelled slippage by side and class, in basis points; None without a backtest's fills."""
    rows = []
    for side in SIDES:
        names = [key for key in realised.deviations if key.startswith(f"{side}/")]
        for name in ("", *(key.partition("/")[2] for key in names)):
            count = realised.counts[f"{side}/{name}"] if name else realised.fills[side]
            fill = Fill(side, (name,), 0.0)
            rows.append(
                {
                    "side": side,
                    "class": name,
                    "fills": count,
                    "realised_bp": _bp(realised.rate(fill)),
                    "modelled_bp": None if modelled is None else _bp(modelled.rate(fill)),
                }
            )
    return rows


def _bp(rate: float) -> float:
    return round(rate * 10_000, 1) + 0.0
