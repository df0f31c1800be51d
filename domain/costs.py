"""Commission and transaction tax as KIS charges them, per stock, side and day; the only place that rounds them."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from domain.market import Market, Side
from domain.money import NO_WON, Rate, Won, portion

BANKIS_COMMISSION: Final = Rate("0.000140527")
"""KIS BanKIS online commission per side on KRX (docs/krx.md §6)."""
PAPER_COMMISSION: Final = Rate("0.000142")
"""Commission of a KIS paper account per side."""
COMMISSION_STEP: Final = Won(10)
"""KIS rounds the commission of a stock, side and day down to a multiple of this many won."""
_TAX_PARTS: Final = 2
"""Transaction tax and agriculture tax, each rounded down by KIS to whole won."""

_AGRICULTURE_TAX: Final = Rate("0.0015")
FIRST_TRADE_DATES: Final = (date(2022, 12, 28), date(2023, 12, 27), date(2024, 12, 27), date(2025, 12, 29))
_TOTAL_TAX: Final = (Rate("0.0020"), Rate("0.0018"), Rate("0.0015"), Rate("0.0020"))
"""Sell tax for KOSPI and KOSDAQ, by the first trade date whose settlement falls under the rate."""
LAST_TAX_YEAR: Final = 2026
"""The last year in the tax table; its rate is used for all later dates, which must be reported."""


@dataclass(frozen=True, slots=True)
class Costs:
    """The costs of orders beside their amount, in whole won."""

    commission: Won = NO_WON
    tax: Won = NO_WON

    @property
    def total(self) -> Won:
        """Return commission and tax together."""
        return Won(self.commission + self.tax)

    def plus(self, other: "Costs") -> "Costs":
        """Add other costs."""
        return Costs(Won(self.commission + other.commission), Won(self.tax + other.tax))

    def minus(self, other: "Costs") -> "Costs":
        """Subtract other costs."""
        return Costs(Won(self.commission - other.commission), Won(self.tax - other.tax))


@dataclass(frozen=True, slots=True)
class CostRates:
    """The rates that apply on a trade date."""

    commission: Rate
    tax: Rate


def cost_rates(traded_on: date, commission: Rate = BANKIS_COMMISSION) -> CostRates:
    """Return the rates of a trade date; dates before the table use its first rate."""
    applicable = [rate for first, rate in zip(FIRST_TRADE_DATES, _TOTAL_TAX, strict=True) if first <= traded_on]
    return CostRates(commission, applicable[-1] if applicable else _TOTAL_TAX[0])


def unknown_tax(settles_on: date) -> str:
    """Return the remedy for sales that settle in a year missing from the tax table; empty if the year is known."""
    if settles_on.year <= LAST_TAX_YEAR:
        return ""
    return (
        f"sales now settle in {settles_on.year}; this version has no transaction tax rate for that year and books "
        f"{LAST_TAX_YEAR}'s, {_TOTAL_TAX[-1] * 100:.2f} %. If the rate has changed, profits are wrong: "
        "install a version with that year's rate, or add it in domain/costs.py"
    )


def day_costs(side: Side, amount: Won, market: Market, rates: CostRates) -> Costs:
    """Return the costs of all purchases, or all sales, of one stock on one day.

    KIS rounds the commission down to ten won, and transaction tax and agriculture tax down to whole won each. Single
    orders are not rounded.
    """
    commission = Won(portion(amount, rates.commission) // COMMISSION_STEP * COMMISSION_STEP)
    if side is Side.BUY:
        return Costs(commission)
    agriculture = min(_AGRICULTURE_TAX, rates.tax) if market is Market.KOSPI else Decimal(0)
    return Costs(commission, Won(portion(amount, rates.tax - agriculture) + portion(amount, agriculture)))


def added_costs(side: Side, before: Won, amount: Won, market: Market, rates: CostRates) -> Costs:
    """Return the costs that ``amount`` adds to a day after ``before`` won of the same stock and side; may be zero."""
    whole = day_costs(side, Won(before + amount), market, rates)
    if not before:
        return whole
    return whole.minus(day_costs(side, before, market, rates))


def tax_rounding(*, sold: bool) -> Won:
    """Return the possible rounding difference (won) of the taxes of a stock and day."""
    return Won(_TAX_PARTS if sold else 0)


def buying_cost_rate(rates: CostRates, slippage_allowance: Rate) -> Rate:
    """Return the rate by which a purchase may exceed its quoted amount, for sizing."""
    return rates.commission + slippage_allowance
