"""Plain SQL violates each constraint: the schema also refuses what the code never writes."""

import asyncpg
import pytest

from tests.database.books import Books

HYNIX = "000660"

BROKEN_POSITIONS = {
    "never_sold_more_than_bought": "sold_quantity = bought_quantity + 1, status = 'exiting'",
    "nothing_held_before_it_opens": "status = 'opening'",
    "held_has_shares_time_and_prices": "opened_at = NULL",
    "open_has_sold_nothing": "sold_quantity = 1",
    "only_closed_has_reason_and_pnl": "exit_reason = 'operator'",
    "closed_is_flat": "status = 'closed', exit_reason = 'operator', realised_pnl = 0, closed_at = now()",
    "positions_status_check": "status = 'somewhere'",
    "positions_proceeds_check": "proceeds = -1",
    "positions_high_water_mark_check": "high_water_mark = 0",
    "positions_last_price_check": "last_price = 0",
    "positions_symbol_check": "symbol = 'samsung'",
}

BROKEN_ORDERS = {
    "limit_order_has_a_price": "limit_price = NULL",
    "entries_buy_and_exits_sell": "side = 'sell'",
    "reference_is_whole": "branch = NULL",
    "working_has_a_reference": "order_date = NULL, branch = NULL, order_no = NULL",
    "unsent_has_no_reference": "status = 'never_placed', filled_quantity = 0, filled_amount = 0",
    "sent_has_a_time": "sent_at = NULL",
    "denied_has_a_denial": "denial = 'KILL_SWITCH_ON'",
    "never_filled_more_than_ordered": "filled_quantity = quantity + 1, status = 'partially_filled'",
    "fills_have_an_amount": "filled_amount = 0",
    "filled_is_full": "status = 'cancelled'",
    "partly_filled_has_shares": "status = 'partially_filled', filled_quantity = 0, filled_amount = 0",
    "fills_need_a_working_order": "status = 'quarantined', filled_quantity = 1",
    "orders_limit_price_check": "limit_price = 0",
    "orders_fencing_token_check": "fencing_token = 0",
}


@pytest.mark.parametrize("constraint", BROKEN_POSITIONS)
async def test_a_position_that_cannot_be_is_refused(
    books: Books, connection: asyncpg.Connection, constraint: str
) -> None:
    await books.held()

    with pytest.raises(asyncpg.CheckViolationError) as refusal:
        await connection.execute(f"UPDATE positions SET {BROKEN_POSITIONS[constraint]}")

    assert refusal.value.constraint_name == constraint


@pytest.mark.parametrize("constraint", BROKEN_ORDERS)
async def test_an_order_that_cannot_be_is_refused(
    books: Books, connection: asyncpg.Connection, constraint: str
) -> None:
    await books.held()

    with pytest.raises(asyncpg.CheckViolationError) as refusal:
        await connection.execute(f"UPDATE orders SET {BROKEN_ORDERS[constraint]}")

    assert refusal.value.constraint_name == constraint


@pytest.mark.parametrize(
    "change",
    [
        "positions SET bought_quantity = -1",
        "positions SET sold_quantity = -1",
        "positions SET cost = -1",
        "orders SET quantity = 0",
        "orders SET filled_quantity = -1",
        "orders SET filled_amount = -1",
        "orders SET decision_price = 0",
    ],
)
async def test_no_number_falls_below_zero(books: Books, connection: asyncpg.Connection, change: str) -> None:
    await books.held()

    with pytest.raises(asyncpg.CheckViolationError):
        await connection.execute(f"UPDATE {change}")


async def _copy(connection: asyncpg.Connection, table: str, changes: dict[str, str]) -> None:
    """Insert a copy of a table's only row, with some columns changed."""
    columns = await connection.fetchval(
        "SELECT string_agg(column_name, ', ') FROM information_schema.columns "
        "WHERE table_name = $1 AND is_generated = 'NEVER' AND is_identity = 'NO'",
        table,
    )
    values = ", ".join(changes.get(name, name) for name in columns.split(", "))
    await connection.execute(f"INSERT INTO {table} ({columns}) SELECT {values} FROM {table}")


@pytest.mark.parametrize(
    ("constraint", "changes"),
    [
        ("one_live_position_per_symbol", {"position_id": "'other'", "worker_id": "'worker-2'"}),
        ("one_live_position_per_worker", {"position_id": "'other'", "symbol": f"'{HYNIX}'"}),
    ],
)
async def test_a_second_live_position_is_refused(
    books: Books, connection: asyncpg.Connection, constraint: str, changes: dict[str, str]
) -> None:
    await books.held()

    with pytest.raises(asyncpg.UniqueViolationError) as refusal:
        await _copy(connection, "positions", changes)

    assert refusal.value.constraint_name == constraint


@pytest.mark.parametrize(
    ("constraint", "changes"),
    [
        ("one_active_order_per_side", {"intent_id": "'other'", "order_no": "'0000000077'"}),
        ("one_intent_per_broker_order", {"intent_id": "'other'", "symbol": f"'{HYNIX}'"}),
    ],
)
async def test_a_second_order_for_the_same_thing_is_refused(
    books: Books, connection: asyncpg.Connection, constraint: str, changes: dict[str, str]
) -> None:
    await books.accepted(books.a_buy(await books.locked()))

    with pytest.raises(asyncpg.UniqueViolationError) as refusal:
        await _copy(connection, "orders", changes)

    assert refusal.value.constraint_name == constraint


async def test_a_fill_counted_twice_is_refused(books: Books, connection: asyncpg.Connection) -> None:
    await books.held()

    with pytest.raises(asyncpg.UniqueViolationError) as refusal:
        await _copy(connection, "fills", {})

    assert refusal.value.constraint_name == "fills_pkey"


@pytest.mark.parametrize(
    ("constraint", "change"),
    [
        ("part_of_the_whole", "quantity = cumulative_quantity + 1"),
        ("fills_quantity_check", "quantity = 0"),
        ("fills_amount_check", "amount = 0"),
    ],
)
async def test_a_fill_that_cannot_be_is_refused(
    books: Books, connection: asyncpg.Connection, constraint: str, change: str
) -> None:
    await books.held()

    with pytest.raises(asyncpg.CheckViolationError) as refusal:
        await connection.execute(f"UPDATE fills SET {change}")

    assert refusal.value.constraint_name == constraint


async def test_a_symbol_has_one_lock(books: Books, connection: asyncpg.Connection) -> None:
    await books.locked()

    with pytest.raises(asyncpg.UniqueViolationError):
        await _copy(connection, "stock_locks", {"worker_id": "'worker-2'"})


async def test_a_fencing_token_never_falls(books: Books, connection: asyncpg.Connection) -> None:
    await books.database.locks.release(await books.locked())
    await books.locked()

    with pytest.raises(asyncpg.CheckViolationError, match="cannot fall from 2 to 1"):
        await connection.execute("UPDATE stock_locks SET fencing_token = 1")


@pytest.mark.parametrize("change", ["UPDATE events SET kind = 'x'", "DELETE FROM events", "TRUNCATE events CASCADE"])
async def test_events_are_append_only(connection: asyncpg.Connection, change: str) -> None:
    with pytest.raises(asyncpg.CheckViolationError, match="append-only"):
        await connection.execute(change)


async def test_a_trade_needs_costs_that_are_not_negative(books: Books, connection: asyncpg.Connection) -> None:
    await books.traded()

    with pytest.raises(asyncpg.CheckViolationError):
        await connection.execute("UPDATE trades SET exit_tax = -1")
    with pytest.raises(asyncpg.CheckViolationError) as refusal:
        await connection.execute("UPDATE trades SET closed_at = opened_at - interval '1 s'")

    assert refusal.value.constraint_name == "closed_after_it_opened"


async def test_a_second_account_does_not_fit_into_the_database(connection: asyncpg.Connection) -> None:
    with pytest.raises(asyncpg.UniqueViolationError) as refusal:
        await connection.execute("INSERT INTO accounts (account_id, environment, fingerprint) VALUES ('b', 'live', '')")

    assert refusal.value.constraint_name == "accounts_only_one_key"


async def test_a_fleet_lease_needs_an_end(connection: asyncpg.Connection) -> None:
    with pytest.raises(asyncpg.CheckViolationError) as refusal:
        await connection.execute("UPDATE accounts SET fleet = 'a'")

    assert refusal.value.constraint_name == "fleet_has_an_end"


async def test_an_order_needs_a_position(books: Books, connection: asyncpg.Connection) -> None:
    await books.held()

    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await connection.execute("UPDATE orders SET position_id = 'nowhere'")


@pytest.mark.parametrize("table", ["stock_locks", "positions", "orders"])
async def test_everything_belongs_to_the_pinned_account(
    books: Books, connection: asyncpg.Connection, table: str
) -> None:
    await books.held()

    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await connection.execute(f"UPDATE {table} SET account_id = 'stranger'")
