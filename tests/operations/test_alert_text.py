"""What people read: the day's result, two languages, short whatever happens."""

from temporalio.testing import ActivityEnvironment

from activities.summarising import SummaryActivities, SummaryRequest
from database.database import Database
from domain.event import EventLevel
from domain.flatness import HeldShares, Proven
from domain.identity import WorkerId
from domain.market import Symbol
from domain.money import Quantity
from tests.builders import ACCOUNT, HYNIX, MONDAY, NOW
from tests.database.books import Books
from tests.operations.alert_parts import due_again, happens, teller
from tests.operations.webhook import Webhook


async def test_the_days_result_is_told_once_with_what_is_held_and_again_only_when_it_changes(
    database: Database, database_url: str, webhook: Webhook
) -> None:
    process = await teller(database, webhook, minimum_level=EventLevel.CRITICAL)
    summaries = SummaryActivities(database, lambda: NOW)
    request = SummaryRequest(ACCOUNT, MONDAY)
    await ActivityEnvironment().run(summaries.write_summaries, request)
    await ActivityEnvironment().run(summaries.write_summaries, request)
    assert await process.tells() == 1
    due_again(database_url)

    await Books(database).held()
    await ActivityEnvironment().run(summaries.write_summaries, request)
    assert await process.tells() == 1

    first, second = webhook.told
    assert first["title"] == "HARU · SIMULATED · info: the day's result"
    assert first["message"].splitlines() == [
        "2026-11-23: 0 trades, 0 won, 0 lost",
        "net +0 won (gross +0, costs 0)",
        "Flat: nothing of ours is held.",
    ]
    assert second["message"].splitlines()[-1] == "CARRIED OVER NIGHT: 005930 Samsung Electronics ×10"


async def test_the_days_result_names_the_owners_shares_and_shouts_those_that_nobody_explains(
    database: Database, webhook: Webhook
) -> None:
    process = await teller(database, webhook, minimum_level=EventLevel.CRITICAL)
    summaries, request = SummaryActivities(database, lambda: NOW), SummaryRequest(ACCOUNT, MONDAY)
    for unexplained in (0, 2):
        held = HeldShares(HYNIX, Quantity(0), Quantity(3), Quantity(unexplained))
        await database.snapshots.save(ACCOUNT, Proven(MONDAY, not unexplained, 0, NOW), [held])
        await ActivityEnvironment().run(summaries.write_summaries, request)

    assert await process.tells() == 2

    told = [line for message in webhook.told for line in message["message"].splitlines()[2:]]
    lines = [line for line in told if not line.startswith(("2026", "net"))]
    owners = "The owner's own: 000660 ×3"
    assert lines == ["Flat: nothing of ours is held.", owners, "NOT FLAT, nobody explains: 000660 ×2", owners]


async def test_who_does_not_want_the_days_result_is_not_told(database: Database, webhook: Webhook) -> None:
    process = await teller(database, webhook, tells_days=False)
    summaries = SummaryActivities(database, lambda: NOW)
    await ActivityEnvironment().run(summaries.write_summaries, SummaryRequest(ACCOUNT, MONDAY))

    assert await process.tells() == 0


async def test_a_message_in_korean(database: Database, webhook: Webhook) -> None:
    process = await teller(database, webhook, language="ko")
    await happens(database, "kill_switch_pressed", symbol=None, worker_id=None, detail={"reason": "훈련"})

    await process.tells()

    assert webhook.told[0]["message"] == "[심각] 긴급 정지 작동 · 11-23 10:00:00 — 훈련"


async def test_a_flood_fits_into_one_message(database: Database, webhook: Webhook) -> None:
    process = await teller(database, webhook)
    for number in range(40):
        await happens(database, f"kind_{number}", symbol=Symbol(f"{number:06}"), worker_id=WorkerId("w" * 300))

    assert await process.tells() == 40

    message = webhook.told[0]["message"]
    assert message.splitlines()[-1].startswith("… and 34 more")
    assert max(map(len, message.splitlines())) <= 280
    assert len(message) < 2_000
