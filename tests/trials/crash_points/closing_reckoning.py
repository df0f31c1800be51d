"""Judge a closed day: flat, each share sold once, correct single summary, every event named."""

from collections import Counter
from collections.abc import Iterator

from domain.event_kind import EventKind
from domain.market import Side, Symbol
from domain.money import total
from domain.summary import FLEET
from tests.trials.crash_points.closing_day import ClosedDay
from tests.trials.crash_points.reckoning import loose_orders
from verifier.invariants import violations


def wrong_with_close(day: ClosedDay) -> list[str]:
    """Return all faults of a day that should have ended flat, one line each."""
    broken = [f"{name} {each.what}: {each.evidence}" for name, found in violations(day.books).items() for each in found]
    return [*broken, *_not_flat(day), *loose_orders(day.books), *_sold_otherwise(day), *_money(day), *_reported(day)]


def _not_flat(day: ClosedDay) -> Iterator[str]:
    if day.books.broker.holdings:
        yield f"not flat: {dict(day.books.broker.holdings)}"
    if not any(each.outcome.flat for each in day.closings):
        yield "no close has proven that it is flat"
    for each in day.closings:
        if each.outcome.differences:
            yield f"{each.workflow_id}: broker and ledger differ at the end: {each.outcome.differences}"


def _sold_otherwise(day: ClosedDay) -> Iterator[str]:
    """Each share is sold once: the broker's journal has as many sold as bought, and each is a trade of ours."""
    shares: dict[Side, Counter[str]] = {side: Counter() for side in Side}
    for row in day.books.broker.orders:
        shares[row.side][row.symbol] += row.filled
    if +shares[Side.BUY] != +shares[Side.SELL]:
        yield f"bought {dict(shares[Side.BUY])}, sold {dict(shares[Side.SELL])}"
    booked = Counter({trade.symbol: trade.quantity for trade in day.books.ledger.trades})
    if booked != +shares[Side.SELL]:
        yield f"the trades record {dict(booked)}, the broker sold {dict(shares[Side.SELL])}"
    if len(day.books.ledger.trades) != len(booked):
        yield "a stock has more than one trade"


def _money(day: ClosedDay) -> Iterator[str]:
    ledger, broker = day.books.ledger, day.books.broker
    net = total([trade.net_pnl for trade in ledger.trades])
    earned = broker.cash - (broker.opening_cash or 0)
    if net != earned:
        yield f"trades earned {net:,} won, the account {earned:,}"
    fleet = [summary for summary in ledger.summaries if summary.scope == FLEET]
    if [summary.performance.net for summary in fleet] != [net]:
        yield f"the fleet's summaries say {[summary.performance.net for summary in fleet]}, the trades {net:,}"
    scopes = Counter(summary.scope for summary in ledger.summaries)
    if set(scopes.values()) != {1} or len(scopes) != 1 + day.plot.stocks:
        yield f"summaries of {dict(scopes)}"


def _reported(day: ClosedDay) -> Iterator[str]:
    kinds = Counter(each.event.kind for each in day.books.ledger.events)
    if kinds[EventKind.POSITION_CARRIED_OVERNIGHT]:
        yield "a flat day is reported as carried"
    named = Counter(each.event.symbol for each in day.books.ledger.events if each.event.kind == "position_seized")
    if missing := _sold_by_the_close(day) - set(named):
        yield f"sold by the close, and not reported as seized: {missing}"
    if not kinds[EventKind.DAY_SUMMED_UP]:
        yield "the day's result was never reported"


def _sold_by_the_close(day: ClosedDay) -> set[Symbol]:
    closes = tuple(each.workflow_id for each in day.closings)
    sales = (order.record.intent for order in day.books.ledger.orders if order.record.intent.side is Side.SELL)
    return {intent.symbol for intent in sales if intent.intent_id.startswith(closes)}
