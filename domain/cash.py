"""Cash against the ledger: the expected effect of a session's fills on the broker's cash, and the actual one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from domain.costs import Costs
from domain.day_costs import added_by_others, charged, rounding
from domain.identity import PositionId
from domain.market import Market, Side, Symbol
from domain.money import NO_WON, Rate, Won, portion, total
from domain.order import BrokerOrder, OrderRecord

COMMISSION_DOUBT: Final = Rate("0.000002")
"""How far a contract's rate may differ in its last digits from the configured rate, as a share of the traded amount.

For example, 0.0142 % and 0.0140527 % differ this way.
"""


@dataclass(frozen=True, slots=True)
class CashMoved:
    """Effect of a session's fills on the cash so far, in won: by our books, and by orders that are not ours.

    ``doubt`` is the difference (won) between the broker's commission and tax and ours that is still acceptable.
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
    """Cash by the ledger and by the broker, in won; ``others`` is the part explained by orders that are not ours."""

    expected: Won
    broker: Won
    others: Won = NO_WON
    allowance: Won = NO_WON

    @property
    def difference(self) -> Won:
        """Return the broker's cash minus the expected cash."""
        return Won(self.broker - self.expected)

    @property
    def unexplained(self) -> Won:
        """Return the difference that neither orders of others nor the broker's rounding explain."""
        rest = Won(self.difference - self.others)
        return NO_WON if abs(rest) <= self.allowance else rest


def cash_moved(
    own: Sequence[OrderRecord], markets: Mapping[PositionId, Market], others: Iterable[BrokerOrder], commission: Rate
) -> CashMoved:
    """Add up a session's fills with their costs.

    ``own`` are all orders of the session, in the ledger's sequence. An unknown market counts as KOSPI: the boards
    differ by at most one won of rounding.
    """
    boards = {each.intent.symbol: markets.get(each.intent.position_id, Market.KOSPI) for each in own}
    theirs = [each for each in others if each.filled_amount]

    def market_of(symbol: Symbol) -> Market:
        return boards.get(symbol, Market.KOSPI)

    flows = [_flow(each.intent.side, each.filled_amount, costs) for each, costs in charged(own, market_of, commission)]
    foreign = [_flow(each.side, each.filled_amount, Costs()) for each in theirs]
    together = added_by_others(own, theirs, market_of, commission)
    foreign += [_flow(traded.side, NO_WON, costs) for traded, costs in together.items()]
    amounts = [*(each.filled_amount for each in own), *(each.filled_amount for each in theirs)]
    doubt = Won(rounding(own, theirs) + portion(total(amounts), COMMISSION_DOUBT))
    return CashMoved(total(flows), total(foreign), doubt)


def compared(baseline: CashBaseline, moved: CashMoved, broker: Won) -> CashCompared:
    """Return the expected cash after the movements since the baseline, beside the broker's cash.

    Without a fill since then no difference is allowed. After a fill, the costs of its stock and side may be rounded
    differently from the rule, whatever part of them the baseline included.
    """
    before = baseline.moved
    is_still = (moved.own, moved.others) == (before.own, before.others)
    return CashCompared(
        expected=Won(baseline.cash + moved.own - before.own),
        broker=broker,
        others=Won(moved.others - before.others),
        allowance=NO_WON if is_still else moved.doubt,
    )


def _flow(side: Side, amount: Won, costs: Costs) -> Won:
    return Won((amount if side is Side.SELL else -amount) - costs.total)
