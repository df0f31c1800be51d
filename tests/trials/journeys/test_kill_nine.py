"""kill −9 of the hosting process while positions are held: after a restart all is sold, every order once."""

from pathlib import Path

import httpx
import pytest

from tests.trials.journeys.real_system import RealSystem, real_system

HELD = "SELECT count(*) FROM positions WHERE is_live AND bought_quantity > sold_quantity"
ACTIVE = "SELECT count(*) FROM orders WHERE is_active"
LEDGER_ORDERS = "SELECT order_no, side, quantity, filled_quantity, filled_amount FROM orders WHERE order_no IS NOT NULL"
FILLS = "SELECT order_no, sum(quantity), sum(amount) FROM fills GROUP BY order_no"
NET = "SELECT sum(net_pnl) FROM trades"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_day_survives_the_death_of_its_host_while_positions_are_held(tmp_path: Path, unused_port: int) -> None:
    # At this speed the market stays open for longer than the slowest machine needs. At 300 it closed within a minute:
    # before a slow start found two positions, or before a slow restart sold them.
    probed = f"127.0.0.1:{unused_port}"
    market = {"HARU_SIMULATOR__SPEED": "30", "HARU_SIMULATOR__START": "2026-11-23 10:30"}
    with real_system(tmp_path, **market, HARU_TELEMETRY__HEALTH_ADDRESS=probed) as system:
        system.starts()
        assert httpx.get(f"http://{probed}/ready", trust_env=False).status_code == 200
        system.starter("--workers", "5", "--detach")
        system.until(lambda: system.number(HELD) >= 2, 200, "two held positions")

        system.is_killed()
        system.starts()
        system.starter("stop")
        system.until(lambda: system.number(HELD) == system.number(ACTIVE) == 0, 60, "the sale of what was held")

        assert_both_books_agree(system)


def assert_both_books_agree(system: RealSystem) -> None:
    """Flat; every order exactly once on both sides; fills and money equal to the won."""
    account = system.broker()
    orders = [order for order in account["orders"] if not order["original"]]
    placed = {order["number"]: order for order in orders}
    rows = system.query(LEDGER_ORDERS)
    assert not any(held["quantity"] for held in account["holdings"])
    assert system.number(HELD) == system.number(ACTIVE) == 0
    assert sorted(order["number"] for order in orders) == sorted(row[0] for row in rows)
    for number, side, quantity, filled, amount in rows:
        order = placed[number]
        found = (order["side"], order["quantity"], order["filled"], order["amount"])
        assert (side, quantity, filled, amount) == found, number
    booked = {row[0]: (int(row[1]), int(row[2])) for row in system.query(FILLS)}
    assert booked == {number: (order["filled"], order["amount"]) for number, order in placed.items() if order["filled"]}
    assert system.number(NET) == account["cash"] - account["opening_cash"]
    assert len(placed) >= 4
    assert len(placed) == len(orders)
