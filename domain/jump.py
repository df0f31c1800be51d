"""Whether a streamed price may decide immediately, or has jumped so far that the broker must confirm it first."""

from dataclasses import dataclass
from decimal import Decimal

from domain.market import Quote
from domain.money import Price, Rate
from domain.tick_size import tick_at


@dataclass(frozen=True, slots=True)
class JumpBound:
    """How far a tick may differ from the last price confirmed by the broker: a rate or some ticks, the larger."""

    rate: Rate = Rate("0.01")
    ticks: int = 5

    def around(self, price: Price) -> Decimal:
        """Return the bound in won at a price."""
        return max(price * self.rate, Decimal(self.ticks * tick_at(price)))

    def is_jump(self, tick: Quote, confirmed: Quote) -> bool:
        """Return whether a tick needs confirmation: too far from the confirmed price, or outside a book."""
        too_far = abs(tick.price - confirmed.price) > self.around(confirmed.price)
        return too_far or any(self._is_outside(tick.price, book) for book in (tick, confirmed))

    def _is_outside(self, price: Price, book: Quote) -> bool:
        """Return whether a price contradicts a quote's best bid or ask by more than the bound."""
        is_below = bool(book.bid) and price < book.bid - self.around(book.bid)
        is_above = bool(book.ask) and price > book.ask + self.around(book.ask)
        return book.shows_book and (is_below or is_above)
