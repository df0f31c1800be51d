"""When a held position is sold: named rules in a fixed order; the first match decides."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from operator import attrgetter
from typing import Final

from domain.clock import in_seoul
from domain.identity import IntentId
from domain.ladder import Rung
from domain.market import MarketView, Quote, QuoteProblem, problem_with
from domain.money import Price, Quantity, change_rate
from domain.position import ExitReason, OpenPosition

LEAST_TREND_SAMPLES: Final = 5


@dataclass(frozen=True, slots=True)
class SentExit:
    """The first order of a sale, sent by the position's watch; ``description`` is for display.

    ``then_book``: the trade is to be booked once this is filled.
    """

    intent_id: IntentId
    quantity: Quantity
    rung: Rung
    description: str
    then_book: bool


@dataclass(frozen=True, slots=True)
class ExitSignal:
    """A rule's decision to sell: price in won at the decision, market time (UTC), high-water mark in won."""

    reason: ExitReason
    price: Price
    decided_at: datetime
    high_water_mark: Price
    detail: str = ""
    seen: Quote | None = None
    """The last trusted quote of the watch, so that the sale need not request it again."""
    sent: SentExit | None = None
    """The order that the watch has sent. None: the first order is still to be decided."""


@dataclass(frozen=True, slots=True)
class ExitContext:
    """The inputs of an exit rule; instants are market time (UTC).

    With an invalid quote, or one older than ``greatest_age`` or than the purchase, only time-based rules apply.
    """

    position: OpenPosition
    view: MarketView
    now: datetime
    deadline: datetime
    strategy_wants_out: bool = False
    greatest_age: timedelta = timedelta(days=1)
    deadline_because: str = ""
    """Why the deadline is earlier than the fleet's; empty if it is not."""

    @property
    def price_is_sound(self) -> bool:
        """Return whether the quote is valid for a decision."""
        return problem_for(self.position, self.view.quote, self.now, self.greatest_age) is None

    @property
    def price(self) -> Price:
        """Return the quote's price, or the last valid price."""
        return self.view.quote.price if self.price_is_sound else self.position.last_price

    @property
    def gain(self) -> Decimal:
        """Return the price's change against the average entry price."""
        return change_rate(self.price, self.position.entry_price)


def problem_for(position: OpenPosition, quote: Quote, now: datetime, greatest_age: timedelta) -> QuoteProblem | None:
    """Return why no price rule of a position may decide by a quote, or None.

    A host that did not buy the position may still know the price before a jump that made another host buy.
    """
    if quote.observed_at < position.opened_at:
        return QuoteProblem.BEFORE_PURCHASE
    return problem_with(quote, now, greatest_age)


def _deadline(context: ExitContext) -> str | None:
    if context.now < context.deadline:
        return None
    due = f"{in_seoul(context.deadline):%H:%M} KST"
    return f"{due}, {context.deadline_because}" if context.deadline_because else due


def _stop_loss(context: ExitContext) -> str | None:
    limit = context.position.exit_rules.stop_loss
    return f"{context.gain:+.2%} against -{limit:.2%}" if limit and context.gain <= -limit else None


def _trailing_stop(context: ExitContext) -> str | None:
    rules = context.position.exit_rules
    peak = high_water_mark(context.position, context.price)
    is_on = bool(rules.trailing_start and rules.trailing_distance)
    is_armed = change_rate(peak, context.position.entry_price) >= rules.trailing_start
    fall = -change_rate(context.price, peak)
    if not is_on or not is_armed or fall < rules.trailing_distance:
        return None
    return f"{fall:.2%} below the best price {peak:,}"


def _take_profit(context: ExitContext) -> str | None:
    target = context.position.exit_rules.take_profit
    return f"{context.gain:+.2%} against {target:+.2%}" if target and context.gain >= target else None


def _trend_break(context: ExitContext) -> str | None:
    limit = context.position.exit_rules.trend_break
    average = moving_average(context.view, context.now, context.position.exit_rules.trend_window)
    if not limit or average is None or context.price > average * (1 - limit):
        return None
    return f"{context.price:,} under the average {average:,.0f} by {limit:.2%}"


_AT: Final = attrgetter("at")
_PRICE: Final = attrgetter("price")


def moving_average(view: MarketView, now: datetime, window: timedelta) -> Decimal | None:
    """Return the average price (won) of a window up to now; None while there are too few samples."""
    recent = view.recent  # oldest first
    first, end = bisect_left(recent, now - window, key=_AT), bisect_right(recent, now, key=_AT)
    number = end - first
    if number < LEAST_TREND_SAMPLES or recent[end - 1].at - recent[first].at < window / 2:
        return None
    return Decimal(sum(map(_PRICE, recent[first:end]))) / number


def _strategy(context: ExitContext) -> str | None:
    return f"{context.position.strategy.name} signals an exit" if context.strategy_wants_out else None


def _time_stop(context: ExitContext) -> str | None:
    longest = context.position.exit_rules.longest_holding
    held = context.position.held_for(context.now)
    return f"held for {held}" if longest and held >= longest else None


EXIT_RULES: Final[tuple[tuple[ExitReason, Callable[[ExitContext], str | None]], ...]] = (
    (ExitReason.DEADLINE, _deadline),
    (ExitReason.STOP_LOSS, _stop_loss),
    (ExitReason.TRAILING_STOP, _trailing_stop),
    (ExitReason.TAKE_PROFIT, _take_profit),
    (ExitReason.TREND_BREAK, _trend_break),
    (ExitReason.TIME_STOP, _time_stop),
    (ExitReason.STRATEGY, _strategy),
)
"""Every rule in its order, the strategy's last; a rule whose rate or time is zero is off."""

_NEED_NO_PRICE: Final = frozenset({ExitReason.DEADLINE, ExitReason.TIME_STOP})


def decide_exit(context: ExitContext) -> ExitSignal | None:
    """Return the signal of the first rule that decides to sell, or None to continue holding."""
    price_is_sound = context.price_is_sound
    for reason, objection_to in EXIT_RULES:
        if not price_is_sound and reason not in _NEED_NO_PRICE:
            continue
        detail = objection_to(context)
        if detail is not None:
            best = high_water_mark(context.position, context.price)
            return ExitSignal(reason, context.price, context.now, best, detail)
    return None


def high_water_mark(position: OpenPosition, price: Price) -> Price:
    """Return the best price (won) observed while holding; it never falls."""
    return max(position.high_water_mark, price)
