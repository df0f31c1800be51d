"""Judging of one position: what its clock says, and what is logged about its prices."""

import logging
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from activities.market.sale_start import SaleStart
from activities.watch.judging import Judge, Watched
from activities.watch.messages import WatchRequest
from domain.clock import MarketClock
from domain.market import MarketView, Quote, Symbol
from domain.position import ExitReason
from domain.rules import TradingRules
from domain.watch import WatchRow
from exchange.calendar import krx_calendar
from tests.support.builders import ACCOUNT, NOW, SAMSUNG, WORKER, a_lease, a_quote, an_open_position

DEADLINE = NOW + timedelta(hours=3)


@dataclass
class At:
    """A clock and a feed with one price."""

    instant: datetime
    quote: Quote
    clock: MarketClock = field(default_factory=lambda: MarketClock(NOW, NOW))

    def now(self) -> datetime:
        return self.instant

    def known_quote(self, _: Symbol) -> Quote:
        return self.quote

    def view_of(self, quote: Quote) -> MarketView:
        return MarketView(quote, None)


def watched(**changes: Any) -> Watched:
    position = an_open_position(**changes)
    row = WatchRow(ACCOUNT, WORKER, position.position_id, SAMSUNG, 1, "worker", {}, NOW)
    request = WatchRequest(position.position_id, SAMSUNG, a_lease(), TradingRules(), DEADLINE)
    unused: Any = None
    return Watched(row, request, position, SaleStart(position, DEADLINE), unused, judged_at=0.0)


def judge(at: At) -> Judge:
    parts: Any = at
    unused: Any = None
    return Judge(parts, parts, krx_calendar(2026, 2027), unused)


def test_a_price_that_stays_old_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    held, at = watched(), At(NOW, a_quote(observed_at=NOW - timedelta(minutes=1)))
    for second in range(3):
        judge(at).by_price(held, float(second))
    at.quote = a_quote(observed_at=NOW)
    judge(at).by_price(held, 3.0)
    assert held.is_trusted

    at.quote = a_quote(observed_at=NOW - timedelta(minutes=1))
    with caplog.at_level(logging.WARNING):
        judge(at).by_price(held, 4.0)

    assert [record.message for record in caplog.records] == ["price_distrusted"] * 2


def test_a_price_from_before_a_jump_that_made_another_host_buy_decides_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    held = watched(opened_at=NOW, price=70_000)
    at = At(NOW + timedelta(seconds=2), a_quote(60_000, observed_at=NOW - timedelta(seconds=1)))
    with caplog.at_level(logging.WARNING):
        assert judge(at).by_price(held, 1.0) is None
    assert (held.is_trusted, held.mark, held.position.last_price) == (False, None, 70_000)
    assert caplog.records == []

    at.quote = a_quote(60_000, observed_at=NOW + timedelta(seconds=1))
    signal = judge(at).by_price(held, 2.0)

    assert signal is not None
    assert signal.reason is ExitReason.STOP_LOSS


def test_the_longest_holding_time_follows_the_rules_that_are_read() -> None:
    held = watched()
    rules = held.position.exit_rules
    assert held.due_at() == held.position.opened_at + rules.longest_holding

    for longest, due in (
        (timedelta(minutes=5), held.position.opened_at + timedelta(minutes=5)),
        (timedelta(days=400), DEADLINE),
        (timedelta(0), DEADLINE),
    ):
        read = replace(held.position, exit_rules=replace(rules, longest_holding=longest))
        held.take(held.row, held.request, read)

        assert held.due_at() == due
