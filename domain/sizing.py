"""The number of shares of an entry."""

from decimal import Decimal

from domain.costs import CostRates, buying_cost_rate
from domain.money import NO_SHARES, Price, Quantity, Won
from domain.rules import RiskRules


def size_entry(price: Price, power_quantity: Quantity, power_cash: Won, rules: RiskRules, rates: CostRates) -> Quantity:
    """Return the most whole shares that both capital limit and buying power cover, including costs and slippage.

    ``price`` is the limit price in won; ``power_quantity`` and ``power_cash`` are the broker's buying power.
    """
    if price <= 0:
        return NO_SHARES
    budget = min(rules.capital_per_trade, power_cash)
    share_cost = price * (1 + buying_cost_rate(rates, rules.slippage_allowance))
    return Quantity(max(min(int(Decimal(budget) // share_cost), power_quantity), 0))
