"""An order's limit price, marketable, on the tick grid and inside the day's limits; and an entry's shares."""

from decimal import Decimal

from domain.costs import CostRates, buying_cost_rate
from domain.market import Quote
from domain.money import NO_SHARES, Price, Quantity, Won
from domain.rules import ExecutionRules, RiskRules
from domain.tick_size import round_down, round_up, steps


def entry_limit(quote: Quote, rules: ExecutionRules) -> Price:
    """Return the buy limit in won: some ticks above the best ask, or the last price if there is no ask."""
    wanted = steps(round_up(quote.ask), rules.entry_ticks) if quote.ask else round_down(quote.price)
    return round_down(_inside(quote, wanted))


def exit_limit(quote: Quote, rules: ExecutionRules) -> Price:
    """Return the sell limit in won: some ticks below the best bid.

    Without a bid it is the lower of last price and best ask: first in the queue for the next buyer, without
    undercutting an ask that may be our own late order.
    """
    if quote.bid:
        wanted = steps(round_down(quote.bid), -rules.exit_ticks)
    else:
        wanted = round_down(min(quote.price, quote.ask or quote.price))
    return round_up(_inside(quote, wanted))


def size_entry(price: Price, power_quantity: Quantity, power_cash: Won, rules: RiskRules, rates: CostRates) -> Quantity:
    """Return the most whole shares that both capital limit and buying power cover, including costs and slippage.

    ``price`` is the limit price in won; ``power_quantity`` and ``power_cash`` are the broker's buying power.
    """
    if price <= 0:
        return NO_SHARES
    budget = min(rules.capital_per_trade, power_cash)
    share_cost = price * (1 + buying_cost_rate(rates, rules.slippage_allowance))
    return Quantity(max(min(int(Decimal(budget) // share_cost), power_quantity), 0))


def _inside(quote: Quote, price: Price) -> Price:
    return price if quote.limits is None else quote.limits.clamp(price)
