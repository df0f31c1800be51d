"""Cash against the ledger: what the fills of a session should have done to the broker's won, and what they did."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from domain.costs import cost_rates, order_costs
from domain.identity import PositionId
from domain.market import Market, Side
from domain.money import NO_WON, Rate, Won, portion, total
from domain.order import BrokerOrder, OrderRecord
from domain.session import SessionDate

ROUNDING_PER_ORDER: Final = Won(3)
"""KIS estimates commission and tax before settlement and publishes no rounding: a won each for the commission and the
two parts of the tax (krx-market §6)."""
COMMISSION_DOUBT: Final = Rate("0.000002")
"""Paper accounts pay 0.0142 % where we book 0.0140527 %: a share of the traded amount (krx-market §6)."""


@dataclass(frozen=True, slots=True)
class CashMoved:
    """What a session's fills have done to the cash so far, in won: by our books, and by orders that are not ours.

    ``doubt`` is by how much (won) the broker's commission and tax may differ from ours without meaning anything.
    """

    own: Won = NO_WON
    others: Won = NO_WON
    doubt: Won = NO_WON


@dataclass(frozen=True, slots=True)
class CashBaseline:
    """The broker's D+2 cash (won) at a market instant (UTC), and what the session had moved by then."""

    cash: Won
    moved: CashMoved
    taken_at: datetime


@dataclass(frozen=True, slots=True)
class CashCompared:
    """Cash by the ledger and by the broker, in won; ``others`` is what orders that are not ours explain."""

    expected: Won
    broker: Won
    others: Won = NO_WON
    allowance: Won = NO_WON

    @property
    def difference(self) -> Won:
        """Return how much more the broker shows."""
        return Won(self.broker - self.expected)

    @property
    def unexplained(self) -> Won:
        """Return what neither orders of others nor the broker's rounding explain."""
        rest = Won(self.difference - self.others)
        return NO_WON if abs(rest) <= self.allowance else rest


def cash_moved(
    own: Iterable[OrderRecord], markets: Mapping[PositionId, Market], others: Iterable[BrokerOrder], commission: Rate
) -> CashMoved:
    """Add up a session's fills with their costs; an unknown market is taken for KOSPI, which taxes the same in all."""
    ours = [(each, markets.get(each.intent.position_id, Market.KOSPI)) for each in own if each.filled_amount]
    theirs = [each for each in others if each.filled_amount]
    amounts = [*(each.filled_amount for each, _ in ours), *(each.filled_amount for each in theirs)]
    flows = [
        _flow(each.intent.side, each.filled_amount, market, each.intent.session_date, commission)
        for each, market in ours
    ]
    foreign = [_flow(each.side, each.filled_amount, Market.KOSPI, each.ref.order_date, commission) for each in theirs]
    doubt = Won(ROUNDING_PER_ORDER * len(amounts) + portion(total(amounts), COMMISSION_DOUBT))
    return CashMoved(total(flows), total(foreign), doubt)


def compared(baseline: CashBaseline, moved: CashMoved, broker: Won) -> CashCompared:
    """Return what the cash should be after what has moved since the baseline, beside the broker's."""
    before = baseline.moved
    return CashCompared(
        expected=Won(baseline.cash + moved.own - before.own),
        broker=broker,
        others=Won(moved.others - before.others),
        allowance=Won(max(moved.doubt - before.doubt, 0)),
    )


def _flow(side: Side, amount: Won, market: Market, date: SessionDate, commission: Rate) -> Won:
    costs = order_costs(side, amount, market, cost_rates(date, commission))
    return Won((amount if side is Side.SELL else -amount) - costs.total)
