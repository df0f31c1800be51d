"""Commission and taxes as KIS charges them (docs/krx.md §6). Rates are whole parts per billion of the amount."""

from dataclasses import dataclass
from datetime import date
from typing import Final

from simulator.krx.units import Market, Product, Side, Won

_BILLION: Final = 10**9

BANKIS_COMMISSION: Final = 140_527
"""KIS BanKIS online: 0.0140527 % of each side."""
PRODUCT_COMMISSION: Final = 146_527
"""The same for ETFs and ETNs: 0.0146527 %. Their sales bear no securities transaction tax."""
COMMISSION_STEP: Final = 10
"""KIS cuts the commission of one stock, side and day down to this many won."""


@dataclass(frozen=True, slots=True)
class SalesTax:
    """The taxes on sales from a trade date on, the first whose trades settle in a new year."""

    since: date
    of_kospi: tuple[int, int]
    """Securities transaction tax and special agriculture tax; KIS cuts each down to whole won."""
    of_kosdaq: int


SALES_TAXES: Final = (
    SalesTax(date(2025, 12, 29), (500_000, 1_500_000), 2_000_000),
    SalesTax(date(2024, 12, 27), (0, 1_500_000), 1_500_000),
    SalesTax(date(2023, 12, 27), (300_000, 1_500_000), 1_800_000),
    SalesTax(date(2022, 12, 28), (500_000, 1_500_000), 2_000_000),
)
"""Latest first. Earlier dates use the last row."""


@dataclass(frozen=True, slots=True)
class Costs:
    """Commission and tax in whole won."""

    commission: Won = 0
    tax: Won = 0

    @property
    def total(self) -> Won:
        """Return commission and tax together."""
        return self.commission + self.tax

    def plus(self, other: "Costs") -> "Costs":
        """Add other costs."""
        return Costs(self.commission + other.commission, self.tax + other.tax)


def charged(side: Side, market: Market | Product, day: date, amount: Won) -> Costs:
    """Return the costs of all purchases, or all sales, of one stock or product on one day."""
    commission = amount * _rate_of(market) // _BILLION // COMMISSION_STEP * COMMISSION_STEP
    if side is Side.BUY or isinstance(market, Product):
        return Costs(commission)
    row = next((row for row in SALES_TAXES if row.since <= day), SALES_TAXES[-1])
    rates = row.of_kospi if market is Market.KOSPI else (row.of_kosdaq,)
    return Costs(commission, sum(amount * rate // _BILLION for rate in rates))


def added_costs(side: Side, market: Market | Product, day: date, before: Won, amount: Won) -> Costs:
    """Return the costs that ``amount`` adds to a day after ``before`` won of the same stock and side; may be zero."""
    old, new = (charged(side, market, day, until) for until in (before, before + amount))
    return Costs(new.commission - old.commission, new.tax - old.tax)


def most_commission(amount: Won, product: Product | None = None) -> Won:
    """Return the most (won) that a purchase can add to its day's commission, whatever was bought before."""
    return amount * (PRODUCT_COMMISSION if product else BANKIS_COMMISSION) // _BILLION + COMMISSION_STEP


def _rate_of(market: Market | Product) -> int:
    return PRODUCT_COMMISSION if isinstance(market, Product) else BANKIS_COMMISSION
