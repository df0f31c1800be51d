"""Doctor checks at the broker: the account, its buying power, and its calendar. They send no order."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from cli.doctor.checkup import Finding, doubtful, fine, wrong
from domain.costs import LAST_TAX_YEAR, unknown_tax
from domain.lane import Lane
from domain.market import Symbol
from domain.session import REGULAR_HOURS, TradingCalendar
from fleet.clocks import INTOLERABLE, REMEDY, SUSPICIOUS, Skew

if TYPE_CHECKING:
    from broker.protocol import Broker

_COMPARED: Final = 8
"""Days from today. One answer of the broker covers them."""
_AHEAD: Final = 14


async def look_at_account(broker: "Broker") -> Finding:
    """Check that keys and account are accepted."""
    balance = await broker.balance(Lane.RESOLVE)
    cash = "cash unreadable" if balance.cash is None else f"{balance.cash:,} won"
    text = f"keys accepted, the account answers: {cash}, {len(balance.holdings)} stocks held"
    if not balance.unreadable:
        return fine(text)
    odd = ", ".join(f"{row.symbol or 'a row without a code'} ({row.field})" for row in balance.unreadable)
    return doubtful(f"{text}; unreadable: {odd}", "these stocks are left alone; report the field to the project")


async def look_at_orders(broker: "Broker", symbol: Symbol) -> Finding:
    """Check by the buying power whether orders would be accepted. Nothing is ordered."""
    quotes = await broker.quotes([symbol], Lane.RESOLVE)
    if symbol not in quotes:
        return doubtful(f"no price for {symbol}, so the buying power was not asked for", "try again during a session")
    price = quotes[symbol].price
    power = await broker.buying_power(symbol, price, Lane.RESOLVE)
    text = f"{power.quantity:,} shares of {symbol} at {price:,} won could be bought; nothing was ordered"
    return fine(text) if power.quantity else doubtful(text, "pay in, or choose cheaper stocks")


async def look_at_calendar(broker: "Broker", calendar: TradingCalendar, today: date) -> Finding:
    """Compare the calendar with the broker's for the next days."""
    differing = []
    for day in (today + timedelta(days=ahead) for ahead in range(_COMPARED)):
        is_open = await broker.is_session_day(day, Lane.RESOLVE)
        if is_open is None:
            return fine("the paper service has no calendar to compare with; ours decides alone")
        if is_open != (calendar.session_on(day) is not None):
            differing.append(f"{day} is {'a session' if is_open else 'closed'} by the broker's")
    if differing:
        return wrong(
            "; ".join(differing), "HARU_CALENDAR__CLOSURES or …__SESSIONS; until then nothing is bought that day"
        )
    return fine(f"ours and the broker's agree from {today} for {_COMPARED} days")


def look_ahead(calendar: TradingCalendar, today: date) -> Finding:
    """List closures and changed hours of the next two weeks."""
    exceptions = []
    for day in _coming(today):
        if day in calendar.closures:
            exceptions.append(f"{day} closed")
        hours = calendar.changed_hours.get(day, REGULAR_HOURS)
        if hours != REGULAR_HOURS and calendar.session_on(day):
            exceptions.append(f"{day} from {hours.opens:%H:%M} to {hours.ends:%H:%M}")
    return fine(f"until {today + timedelta(days=_AHEAD - 1)}: {', '.join(exceptions) or 'regular sessions'} (KST)")


def look_at_tax(calendar: TradingCalendar, today: date) -> Finding:
    """Check that the transaction tax is known for every sale of the next two weeks."""
    text = unknown_tax(calendar.settlement_of(today))
    if text:
        return doubtful(text, f"look for the changelog's word on the tax of {LAST_TAX_YEAR + 1}")
    later = next((day for day in _coming(today) if unknown_tax(calendar.settlement_of(day))), None)
    if later is not None:
        year = calendar.settlement_of(later).year
        return doubtful(
            f"sales from {later} on settle in {year}, whose transaction tax this version does not know",
            f"install a version that knows {year} before then, or add its rate in domain/costs.py",
        )
    return fine(f"the transaction tax of {calendar.settlement_of(today).year} is known, in which today's sales settle")


def _coming(today: date) -> Iterator[date]:
    return (today + timedelta(days=ahead) for ahead in range(_AHEAD))


def look_at_clocks(skews: Sequence[Skew]) -> Finding:
    """Check how far this machine's clock is off."""
    text = "this machine's clock is " + " and ".join(map(str, skews))
    if any(skew.is_intolerable for skew in skews):
        return wrong(f"{text}; more than {INTOLERABLE.seconds} s", REMEDY)
    if any(skew.is_suspicious for skew in skews):
        return doubtful(f"{text}; more than {SUSPICIOUS.seconds} s", REMEDY)
    return fine(text)
