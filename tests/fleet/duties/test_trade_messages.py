"""Each buy and sale of the ledger becomes one message, whoever booked it and whatever the channels do."""

from datetime import timedelta
from typing import Any

import psycopg
import pytest

from database.database import Database
from domain.alert import PendingAlert, due
from domain.event import Event, EventLevel
from domain.event_kind import EventKind
from domain.identity import Environment, WorkerId
from domain.market import Symbol
from domain.position import ExitReason
from fleet.alerting.channels import channels_of
from fleet.alerting.outbox import Alerting, AlertRules
from fleet.alerting.text import message_of
from fleet.duties import trade_messages as duty_module
from fleet.duties.channels import ChannelDuty
from fleet.duties.trade_messages import TradeMessageDuty
from fleet.fleet import Fleet
from tests.database.books import Books
from tests.support.alert_parts import due_again, happens
from tests.support.builders import ACCOUNT, HYNIX, MONDAY, NOW, SAMSUNG, WORKER
from tests.support.webhook import Webhook

TWO = WorkerId("worker-2")


async def messages_of(fleet: Fleet) -> list[Event]:
    """Return the events of buys and sales, oldest first."""
    events = await fleet.database.events.latest(fleet.account_id, 100)
    kinds = (EventKind.POSITION_BOUGHT, EventKind.POSITION_SOLD)
    return [each for each in reversed(events) if each.kind in kinds]


async def test_a_buy_and_a_sale_are_each_one_event_on_every_host_and_after_a_restart(fleet: Fleet) -> None:
    books = Books(fleet.database, fleet.account_id)
    await books.held(TWO, HYNIX)
    await books.traded(WORKER, SAMSUNG)

    for _ in range(2):  # the second duty is another host, or the same after its restart
        duty = TradeMessageDuty(fleet)
        await duty.look()
        await duty.look()

    found = await messages_of(fleet)
    assert sorted((each.kind, str(each.symbol)) for each in found) == [
        (EventKind.POSITION_BOUGHT, HYNIX),
        (EventKind.POSITION_BOUGHT, SAMSUNG),
        (EventKind.POSITION_SOLD, SAMSUNG),
    ]
    (trade,) = await fleet.database.trades.on(fleet.account_id, MONDAY)
    sold = next(each for each in found if each.kind == EventKind.POSITION_SOLD)
    assert (sold.detail["net"], sold.detail["costs"]) == (trade.net_pnl, trade.costs.total)
    assert sold.detail["exit"] == trade.exit_reason


async def test_a_sale_is_reported_without_reading_the_trades_of_days(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each round of a busy day would make objects of thousands of trades, in the process that sells."""

    async def read(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(fleet.database.trades, "between", read)
    await Books(fleet.database, fleet.account_id).traded(WORKER, SAMSUNG)

    await TradeMessageDuty(fleet).look()

    assert [each.kind for each in await messages_of(fleet)] == [EventKind.POSITION_BOUGHT, EventKind.POSITION_SOLD]


async def test_what_a_running_host_books_later_is_found_in_a_later_round(fleet: Fleet) -> None:
    books, duty = Books(fleet.database, fleet.account_id), TradeMessageDuty(fleet)
    await duty.look()
    bought = await books.held()
    await duty.look()
    assert [each.kind for each in await messages_of(fleet)] == [EventKind.POSITION_BOUGHT]

    trade = books.a_trade(bought, await books.sold(bought))
    await fleet.database.trades.close(trade, None, release_lock=False)
    await duty.look()

    assert [each.kind for each in await messages_of(fleet)] == [EventKind.POSITION_BOUGHT, EventKind.POSITION_SOLD]


async def test_a_buy_is_reported_when_its_order_has_ended_with_all_its_shares(fleet: Fleet) -> None:
    books, duty = Books(fleet.database, fleet.account_id), TradeMessageDuty(fleet)
    order = await books.accepted(books.a_buy(await books.locked()))
    await books.filled(order, 4)
    await duty.look()
    assert await messages_of(fleet) == []

    await books.cancelled(order, 6)
    await duty.look()

    (event,) = await messages_of(fleet)
    assert (event.detail["quantity"], event.detail["amount"]) == (6, 420_000)


async def test_more_trades_than_one_round_reads_are_all_reported(fleet: Fleet, monkeypatch: Any) -> None:
    monkeypatch.setattr("database.trade_messages.MOST", 2)
    monkeypatch.setattr(duty_module, "MOST", 2)
    monkeypatch.setattr(duty_module, "_OVERLAP", 0.0)
    books, duty = Books(fleet.database, fleet.account_id), TradeMessageDuty(fleet)
    for number in range(5):
        await books.traded(WorkerId(f"worker-{number}"), Symbol(f"00000{number}"))

    for _ in range(3):
        await duty.look()

    assert len(await messages_of(fleet)) == 10


def a_sale(**detail: str | int) -> Event:
    given = {"name": "삼성전자", "quantity": 12, "price": 72_000, "amount": 854_400, "bought_at": 71_200}
    result = {"net": 8_412, "costs": 1_188, "exit": ExitReason.TAKE_PROFIT.value, "why": "take_profit, net result"}
    changed: dict[str, Any] = {**given, **result, **detail}
    return Event(ACCOUNT, EventKind.POSITION_SOLD, EventLevel.INFO, NOW, MONDAY, WORKER, SAMSUNG, changed)


def test_the_text_is_a_traders() -> None:
    bought_detail: dict[str, str | int] = {
        "name": "삼성전자",
        "quantity": 12,
        "price": 71_200,
        "amount": 854_400,
        "strategy": "momentum",
        "reason": "rose 1.3 %",
    }
    bought = Event(
        ACCOUNT, EventKind.POSITION_BOUGHT, EventLevel.INFO, NOW, MONDAY, WORKER, SAMSUNG, detail=bought_detail
    )

    korean = message_of(Environment.PAPER, [bought, a_sale()], "ko", str).body.splitlines()
    english = message_of(Environment.PAPER, [bought, a_sale()], "en", str).body.splitlines()

    assert korean[0] == "매수 체결 삼성전자(005930) 12주 × 71,200원 = 854,400원 · momentum · worker-1 · 10:00:00"
    assert korean[1] == (
        "매도 체결 삼성전자(005930) 12주 × 72,000원 · 익절 · 순손익 +8,412원(+0.98%, 비용 1,188원)"
        " · 매수가 71,200원 · worker-1 · 10:00:00"
    )
    assert english[0] == "BOUGHT 삼성전자 (005930) 12 × 71,200 = 854,400 won · momentum · worker-1 · 10:00:00"
    assert english[1] == (
        "SOLD 삼성전자 (005930) 12 × 72,000 won · take-profit · net +8,412 won (+0.98 %, costs 1,188)"
        " · entry 71,200 · worker-1 · 10:00:00"
    )


def test_ten_trades_with_long_names_all_stand_in_one_message() -> None:
    trades = [a_sale(name="가" * 400, net=-number) for number in range(10)]

    body = message_of(Environment.PAPER, trades, "ko", str).body

    assert [line.split("순손익 ")[1].split("원")[0] for line in body.splitlines()] == [
        f"{-number:+,}" for number in range(10)
    ]


def test_an_event_of_an_earlier_version_still_has_a_line() -> None:
    old = Event(
        ACCOUNT,
        *(EventKind.POSITION_SOLD, EventLevel.INFO, NOW, MONDAY, WORKER, SAMSUNG),
        detail={"quantity": 3, "net": -700, "why": "stop_loss, net result -700 won"},
    )

    assert "매도 완료 · 005930 · worker-1" in message_of(Environment.PAPER, [old], "ko", str).body


def test_alerts_go_before_trades_and_trades_ten_at_a_time() -> None:
    def pending(number: int, event: Event) -> PendingAlert:
        return PendingAlert(number, event, is_old=False)

    trades = [pending(number, a_sale()) for number in range(25)]
    alert = pending(99, Event(ACCOUNT, EventKind.HOST_DIED, EventLevel.CRITICAL, NOW))
    warning = pending(98, Event(ACCOUNT, EventKind.DISK_LOW, EventLevel.WARNING, NOW))

    assert due([*trades, alert]) == (alert,)
    assert due([*trades, warning]) == tuple(trades[:10])


def listening(fleet: Fleet, webhook: Webhook, **rules: Any) -> Alerting:
    channels = channels_of([webhook.url])
    account = (fleet.account_id, Environment.SIMULATED)
    return Alerting(account, fleet.database, channels, AlertRules(mask=str, **rules))


async def sent_by(alerting: Alerting) -> int:
    (channel,) = alerting._channels
    return await alerting.send_due(channel)


async def test_a_failing_channel_keeps_the_newest_trades_and_says_how_many_are_lost(
    fleet: Fleet, webhook: Webhook, database_url: str
) -> None:
    alerting = listening(fleet, webhook, sends_trades=True)
    await alerting._register()
    webhook.answers = 503
    for number in range(7):
        await fleet.database.events.append(a_sale_of(fleet, number))
    assert await sent_by(alerting) == 0

    await ChannelDuty(fleet, [], most_trades=3).look()

    (state,) = await fleet.database.alerts.states(fleet.account_id)
    assert state.unsent == 4, "three trades and the event about the others"
    webhook.answers = 200
    due_again(database_url)
    assert await sent_by(alerting) == 3
    lines = webhook.messages[-1]["message"].splitlines()
    assert [line.split("net ")[1][:2] for line in lines] == ["+4", "+5", "+6"]
    events = await fleet.database.events.latest(fleet.account_id, 3)
    dropped = next(each for each in events if each.kind == EventKind.TRADE_MESSAGES_DROPPED)
    assert "4 messages about trades are deleted unsent" in str(dropped.detail["why"])


def a_sale_of(fleet: Fleet, number: int) -> Event:
    event = a_sale(net=number)
    return Event(
        fleet.account_id,
        *(event.kind, event.level, event.at, event.session_date, event.worker_id, event.symbol, event.detail),
        key=f"{number}",
    )


async def test_a_flood_of_trades_does_not_hide_an_alert(
    database: Database, database_url: str, webhook: Webhook
) -> None:
    (channel,) = channels_of([webhook.url])
    rules = AlertRules(mask=str, sends_trades=True, gathered_for=timedelta(0))
    alerting = Alerting((ACCOUNT, Environment.SIMULATED), database, [channel], rules)
    await alerting._register()
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO events (account_id, kind, level, detail, at)"
            " SELECT %s, 'position_sold', 'info', '{}', clock_timestamp() FROM generate_series(1, 600)",
            [ACCOUNT],
        )
    await happens(database, "order_quarantined")

    assert await alerting.send_due(channel) == 1
    assert "order quarantined" in webhook.messages[0]["message"]
