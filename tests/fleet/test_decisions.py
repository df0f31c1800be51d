"""An order in quarantine: shown to all readers, decided once by a person, and recorded."""

import pytest

from cli.tables.board import heading
from domain.event_kind import EventKind
from domain.identity import IntentId, WorkerId
from domain.order import OrderRecord, OrderStatus
from fleet.board import as_json, read_board
from fleet.books import Decision, adopt, dismiss, quarantined
from fleet.errors import OperationError
from fleet.fleet import Fleet
from tests.database.books import Books
from tests.support.builders import HYNIX, NOW, SAMSUNG, a_ref

BRANCH = a_ref().branch


async def waiting(fleet: Fleet) -> OrderRecord:
    books = Books(fleet.database, fleet.account_id)
    sent = await books.sent(books.a_buy(await books.locked()))
    return await fleet.database.orders.quarantine(sent.intent.intent_id, "twins")


def decision_about(record: OrderRecord) -> Decision:
    return Decision(record.intent.intent_id, "kim", "seen in the HTS")


async def audited(fleet: Fleet, record: OrderRecord, kind: EventKind) -> int:
    return await fleet.database.events.counts(fleet.account_id, record.intent.session_date, kind)


async def test_a_stock_in_quarantine_is_shown_until_somebody_has_decided(fleet: Fleet) -> None:
    record = await waiting(fleet)

    board = await read_board(fleet, NOW)
    assert heading(board)[0].endswith(f"QUARANTINED: {SAMSUNG}")
    assert as_json(board)["quarantined"] == [SAMSUNG]
    assert await quarantined(fleet) == (record,)

    await dismiss(fleet, decision_about(record))
    assert "QUARANTINED" not in heading(await read_board(fleet, NOW))[0]


async def test_an_order_that_a_person_recognises_is_bound_and_the_decision_is_written_down(fleet: Fleet) -> None:
    record = await waiting(fleet)

    adopted = await adopt(fleet, decision_about(record), "77", BRANCH)

    assert adopted.status is OrderStatus.ACCEPTED
    assert adopted.ref == a_ref(77, record.intent.session_date)
    assert await audited(fleet, record, EventKind.ORDER_ADOPTED_BY_OPERATOR) == 1


async def test_an_order_that_was_never_placed_is_dismissed_and_the_decision_is_written_down(fleet: Fleet) -> None:
    record = await waiting(fleet)

    assert (await dismiss(fleet, decision_about(record))).status is OrderStatus.NEVER_PLACED
    assert await audited(fleet, record, EventKind.ORDER_DISMISSED_BY_OPERATOR) == 1


async def test_only_what_waits_is_decided_about_and_no_order_is_bound_twice(fleet: Fleet) -> None:
    books = Books(fleet.database, fleet.account_id)
    other = await books.accepted(books.a_buy(await books.locked(WorkerId("worker-2"), HYNIX), name="other"))
    record = await waiting(fleet)
    assert other.ref is not None

    with pytest.raises(OperationError, match="another of our orders"):
        await adopt(fleet, decision_about(record), other.ref.number, other.ref.branch)
    with pytest.raises(OperationError, match="only a quarantined order"):
        await dismiss(fleet, decision_about(other))
    with pytest.raises(OperationError, match="has no order"):
        await dismiss(fleet, Decision(IntentId("unheard-of"), "kim", "?"))

    assert await quarantined(fleet) == (record,)
    assert await audited(fleet, record, EventKind.ORDER_ADOPTED_BY_OPERATOR) == 0


async def test_of_two_decisions_the_first_counts(fleet: Fleet) -> None:
    record = await waiting(fleet)
    await dismiss(fleet, decision_about(record))

    with pytest.raises(OperationError, match="is never_placed"):
        await adopt(fleet, decision_about(record), "77", BRANCH)

    assert await audited(fleet, record, EventKind.ORDER_ADOPTED_BY_OPERATOR) == 0
