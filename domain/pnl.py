"""The result of a trade: amounts and costs of its orders, computed when the position closes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce

from domain.costs import Costs, added_costs, cost_rates
from domain.day_costs import Brought, by_day, charged, dated
from domain.errors import InvalidTransitionError
from domain.market import Market, Side
from domain.money import NO_WON, Price, Quantity, Rate, Won, notional
from domain.order import OrderRecord
from domain.position import ClosedTrade, ExitReason, OpenPosition
from domain.session import session_date_of


@dataclass(frozen=True, slots=True)
class Beside:
    """What shares the rounding of a trade's costs: KIS rounds them per stock, side and day.

    ``orders`` are all filled orders of the stock on the days that the position traded, including its own, in the
    ledger's sequence; without them only the position's own orders count. ``by_others`` are the known days of others'
    sales of its shares, ``earlier`` those of shares of the stock's positions before it.
    """

    orders: Sequence[OrderRecord] = ()
    by_others: Sequence[Brought] = ()
    earlier: Sequence[Brought] = ()


def closed_trade(  # noqa: PLR0913, PLR0917 all inputs of a closed position in one call
    position: OpenPosition,
    entry: Sequence[OrderRecord],
    exits: Sequence[OrderRecord],
    reason: ExitReason,
    closed_at: datetime,
    commission: Rate,
    brought_by_others: Won | None = None,
    beside: Beside = Beside(),
) -> ClosedTrade:
    """Return the trade with its realised PnL, booked on the KST date of ``closed_at`` (market time, UTC).

    The exit's decision price is that of the first exit order, filled or not, so that chasing counts as slippage. Shares
    sold by another party (``FOREIGN_SALE``) are booked at that sale's proceeds in won, or at the last known price if
    the proceeds are unknown. Their costs are those of the day of the sale; an unknown day is that of ``closed_at``.

    Raises:
        InvalidTransitionError: the exits sold more than was bought, or less without a foreign sale.
    """
    quantity = Quantity(_filled(entry) + position.restated_bought)
    foreign = _sold_elsewhere(position, quantity, Quantity(_filled(exits) + position.restated_sold), reason)
    if foreign and brought_by_others is not None:
        foreign = brought_by_others
    of_the_days = [*beside.orders] or [*entry, *exits]
    costs = _costs(position, of_the_days, commission)
    today = session_date_of(closed_at)
    before = [*(_sold_by(order) for order in of_the_days if order.intent.side is Side.SELL), *beside.earlier]
    foreign_costs = _added(position.market, dated(foreign, beside.by_others, today), before, commission)
    return ClosedTrade(
        position_id=position.position_id,
        account_id=position.account_id,
        worker_id=position.worker_id,
        session_date=today,
        symbol=position.symbol,
        name=position.name,
        market=position.market,
        quantity=quantity,
        entry_amount=_amount(entry),
        exit_amount=Won(_amount(exits) + foreign),
        entry_costs=costs[Side.BUY],
        exit_costs=costs[Side.SELL].plus(foreign_costs),
        opened_at=position.opened_at,
        closed_at=closed_at,
        exit_reason=reason,
        strategy=position.strategy,
        entry_decision_price=position.decision_price,
        exit_decision_price=_first_decision_price(exits, position.last_price),
    )


def _filled(orders: Sequence[OrderRecord]) -> Quantity:
    return Quantity(sum(order.filled_quantity for order in orders))


def _amount(orders: Sequence[OrderRecord]) -> Won:
    return Won(sum(order.filled_amount for order in orders))


def _costs(position: OpenPosition, orders: Sequence[OrderRecord], commission: Rate) -> dict[Side, Costs]:
    own = [
        (order.intent.side, costs)
        for order, costs in charged(orders, lambda _: position.market, commission)
        if order.intent.position_id == position.position_id
    ]
    return {side: reduce(Costs.plus, (costs for of, costs in own if of is side), Costs()) for side in Side}


def _sold_by(order: OrderRecord) -> Brought:
    return Brought(order.intent.session_date, order.filled_amount)


def _added(market: Market, sales: Sequence[Brought], before: Sequence[Brought], commission: Rate) -> Costs:
    """Return what sales of a stock add to the costs of each day, after the day's sales ``before`` them."""
    amounts = {each.date: each.won for each in by_day(before)}
    added = (
        added_costs(Side.SELL, amounts.get(each.date, NO_WON), each.won, market, cost_rates(each.date, commission))
        for each in sales
    )
    return reduce(Costs.plus, added, Costs())


def _sold_elsewhere(position: OpenPosition, bought: Quantity, sold: Quantity, reason: ExitReason) -> Won:
    left = bought - sold
    if left < 0 or (left > 0 and reason is not ExitReason.FOREIGN_SALE):
        raise InvalidTransitionError(f"{position.position_id}: {sold} of {bought} shares sold, so it cannot close")
    return notional(position.last_price, Quantity(left))


def _first_decision_price(exits: Sequence[OrderRecord], otherwise: Price) -> Price:
    first = min(exits, key=lambda order: order.intent.decided_at, default=None)
    return otherwise if first is None else first.intent.decision_price
