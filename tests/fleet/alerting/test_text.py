"""Alert texts for people: the day's result, two languages, always short."""

from datetime import timedelta
from typing import Final

from temporalio.testing import ActivityEnvironment

from activities.summarising import SummaryActivities, SummaryRequest
from database.database import Database
from domain.event import EventLevel
from domain.flatness import HeldShares, Proven
from domain.identity import WorkerId
from domain.market import Symbol
from domain.money import Quantity
from domain.session import SessionDate
from tests.database.books import Books
from tests.support.alert_parts import SECRET, alert_sender, due_again, happens
from tests.support.builders import ACCOUNT, HYNIX, MONDAY, NOW
from tests.support.webhook import Webhook

FLAT: Final = "Flat, confirmed by the broker's holdings: no shares bought by Haru remain."
MANY_STOCKS: Final = [
    HeldShares(Symbol(f"{number:06}"), Quantity(0), Quantity(0), Quantity(1_234)) for number in range(100)
]


async def test_the_days_result_is_reported_once_with_what_is_held_and_again_only_when_it_changes(
    database: Database, database_url: str, webhook: Webhook
) -> None:
    process = await alert_sender(database, webhook, minimum_level=EventLevel.CRITICAL)
    summaries = SummaryActivities(database, lambda: NOW)
    request = SummaryRequest(ACCOUNT, MONDAY)
    await database.snapshots.save(ACCOUNT, Proven(MONDAY, flat=True, open_orders=0, at=NOW), [])
    await ActivityEnvironment().run(summaries.write_summaries, request)
    await ActivityEnvironment().run(summaries.write_summaries, request)
    assert await process.sends() == 1
    due_again(database_url)

    await Books(database).held()
    await database.snapshots.save(ACCOUNT, Proven(MONDAY, flat=False, open_orders=0, at=NOW), [])
    await ActivityEnvironment().run(summaries.write_summaries, request)
    assert await process.sends() == 1

    first, second = webhook.messages
    assert first["title"] == "HARU · SIMULATED · info: the day's result"
    assert first["message"].splitlines() == [
        "2026-11-23: 0 trades, 0 won, 0 lost",
        "net +0 won (gross +0, costs 0)",
        FLAT,
    ]
    assert second["message"].splitlines()[-1] == "CARRIED OVERNIGHT: 005930 Samsung Electronics ×10"


async def test_the_days_result_names_the_owners_shares_and_stresses_unexplained_ones(
    database: Database, webhook: Webhook
) -> None:
    process = await alert_sender(database, webhook, minimum_level=EventLevel.CRITICAL)
    summaries, request = SummaryActivities(database, lambda: NOW), SummaryRequest(ACCOUNT, MONDAY)
    for unexplained in (0, 2):
        held = HeldShares(HYNIX, Quantity(0), Quantity(3), Quantity(unexplained))
        await database.snapshots.save(ACCOUNT, Proven(MONDAY, not unexplained, 0, NOW), [held])
        await ActivityEnvironment().run(summaries.write_summaries, request)

    assert await process.sends() == 2

    text_lines = [line for message in webhook.messages for line in message["message"].splitlines()[2:]]
    lines = [line for line in text_lines if not line.startswith(("2026", "net"))]
    owners = "Owner's own shares: 000660 ×3"
    assert lines == [FLAT, owners, "NOT FLAT, shares of unknown origin: 000660 ×2", owners]


async def test_what_no_close_has_proven_is_not_called_flat(database: Database, webhook: Webhook) -> None:
    process = await alert_sender(database, webhook)
    summaries, request = SummaryActivities(database, lambda: NOW), SummaryRequest(ACCOUNT, MONDAY)
    await ActivityEnvironment().run(summaries.write_summaries, request)
    await database.snapshots.save(ACCOUNT, Proven(MONDAY, flat=False, open_orders=1, at=NOW), [])
    await ActivityEnvironment().run(summaries.write_summaries, request)

    assert await process.sends() == 2

    text_lines = [line for line in webhook.messages[0]["message"].splitlines() if not line.startswith(("2026", "net"))]
    unproven = "Not confirmed: no market close has checked the broker's holdings."
    assert text_lines == [unproven, "NOT FLAT: orders of Haru that may still fill: 1"]


async def test_a_day_that_is_summed_up_late_does_not_name_what_was_bought_since(
    database: Database, webhook: Webhook
) -> None:
    process = await alert_sender(database, webhook)
    await Books(database).held()
    summaries = SummaryActivities(database, lambda: NOW)

    friday = SessionDate(MONDAY - timedelta(days=3))
    await ActivityEnvironment().run(summaries.write_summaries, SummaryRequest(ACCOUNT, friday))

    await process.sends()
    assert "CARRIED" not in webhook.messages[0]["message"]


async def test_each_of_many_days_is_reported_and_no_number_of_shares_is_cut_in_two(
    database: Database, webhook: Webhook
) -> None:
    process = await alert_sender(database, webhook)
    await database.snapshots.save(ACCOUNT, Proven(MONDAY, flat=False, open_orders=0, at=NOW), MANY_STOCKS)
    summaries = SummaryActivities(database, lambda: NOW)
    for date in (MONDAY, *(SessionDate(MONDAY - timedelta(days=days)) for days in range(3, 20))):
        await ActivityEnvironment().run(summaries.write_summaries, SummaryRequest(ACCOUNT, date))

    assert await process.sends() == 18

    first, *_, last = webhook.messages[0]["message"].split("2026-11-23: ")[1].splitlines()
    assert first == "0 trades, 0 won, 0 lost"
    assert last.startswith("… and ")
    shares = next(line for line in webhook.messages[0]["message"].splitlines() if "unknown origin" in line)
    named, left_out = shares.split(" … +")
    assert named.endswith(" ×1,234")
    assert named.count("×") + int(left_out) == len(MANY_STOCKS)


async def test_a_secret_at_the_edge_of_a_line_is_masked_before_the_line_is_cut(
    database: Database, webhook: Webhook
) -> None:
    process = await alert_sender(database, webhook)
    for padding in range(205, 235):
        await happens(database, "order_quarantined", detail={"reason": "." * padding + SECRET})

    await process.sends()

    assert SECRET[:6] not in webhook.messages[0]["message"]


async def test_who_does_not_want_the_days_result_is_not_reported(database: Database, webhook: Webhook) -> None:
    process = await alert_sender(database, webhook, sends_days=False)
    summaries = SummaryActivities(database, lambda: NOW)
    await ActivityEnvironment().run(summaries.write_summaries, SummaryRequest(ACCOUNT, MONDAY))

    assert await process.sends() == 0


async def test_a_message_in_korean(database: Database, webhook: Webhook) -> None:
    process = await alert_sender(database, webhook, language="ko")
    await happens(database, "kill_switch_pressed", symbol=None, worker_id=None, detail={"reason": "훈련"})

    await process.sends()

    assert webhook.messages[0]["message"] == "[심각] 긴급 정지 작동 · 11-23 10:00:00 — 훈련"


async def test_unexplained_money_is_reported_with_its_amount(database: Database, webhook: Webhook) -> None:
    process = await alert_sender(database, webhook)
    await happens(database, "cash_differs", symbol=None, worker_id=None, detail={"ledger": 9, "unexplained": -31_000})
    await happens(database, "statement_differs", detail={"lines": 1, "unexplained": "account tax: ledger 1, broker 9"})

    await process.sends()

    first, second = webhook.messages[0]["message"].splitlines()
    assert first.endswith(" — -31,000")
    assert second.endswith(" — account tax: ledger 1, broker 9")


async def test_a_flood_fits_into_one_message(database: Database, webhook: Webhook) -> None:
    process = await alert_sender(database, webhook)
    for number in range(40):
        await happens(database, f"kind_{number}", symbol=Symbol(f"{number:06}"), worker_id=WorkerId("w" * 300))

    assert await process.sends() == 40

    message = webhook.messages[0]["message"]
    assert message.splitlines()[-1].startswith("… and 34 more")
    assert max(map(len, message.splitlines())) <= 280
    assert len(message) < 2_000
