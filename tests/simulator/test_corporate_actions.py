"""Splits, reverse splits and rights overnight, with the halt for them."""

from pathlib import Path

import pytest

from simulator.exchange import CorporateActionError
from tests.simulator.market_day import ACCOUNT, BALANCE, SAMSUNG, Client, Day, a_simulation

PRICE = ("/quotations/inquire-price-2", "FHPST01010000", {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": SAMSUNG})
NEXT_MORNING = "2026-11-24 08:40:00"


async def overnight(client: Client, **action: object) -> tuple[int, int]:
    """Hold ten shares overnight; return the closing price and the next session's base after an action at night."""
    day = Day(client.simulation)
    day.buys(10)
    day.reaches("2026-11-23 21:00:00")
    close = day.simulation.exchange.snapshot(SAMSUNG, day.now).price
    await client.control("/actions", {"symbol": SAMSUNG, **action})
    day.reaches(NEXT_MORNING)
    return close, day.simulation.exchange.snapshot(SAMSUNG, day.now).base


@pytest.mark.parametrize(("ratio", "shares"), [(5, "50"), (0.2, "2"), (0.3, "3")])
async def test_a_split_changes_shares_base_price_and_limits_overnight(ratio: float, shares: str) -> None:
    client = Client(a_simulation())

    close, base = await overnight(client, ratio=ratio)
    (row,) = (await client.get("/trading/inquire-balance", "TTTC8434R", BALANCE)).json()["output1"]
    shown = (await client.get(*PRICE)).json()["output"]
    Day(client.simulation).reaches("2026-11-24 09:10:00")

    assert row["hldg_qty"] == shares
    assert base == pytest.approx(close / ratio, rel=0.01)
    assert int(shown["stck_prdy_clpr"]) == pytest.approx(close, rel=0.01)
    assert Day(client.simulation).price() == pytest.approx(base, rel=0.3)
    assert Day(client.simulation).sells(int(shares)).filled == int(shares)


async def test_rights_lower_the_base_price_and_leave_the_shares() -> None:
    client = Client(a_simulation())

    close, base = await overnight(client, ratio=1.25, rights=True, halted=True)

    assert base == pytest.approx(close / 1.25, rel=0.01)
    assert client.simulation.engine.account(ACCOUNT).holdings[SAMSUNG].quantity == 10
    assert client.simulation.exchange.conditions[SAMSUNG].halted


def test_no_split_takes_effect_during_a_session() -> None:
    with pytest.raises(CorporateActionError):
        a_simulation().act_overnight(SAMSUNG, 2)


def test_a_split_survives_a_restart(tmp_path: Path) -> None:
    simulation = a_simulation(journal=tmp_path)
    day = Day(simulation)
    day.buys(10)
    day.reaches("2026-11-23 21:00:00")
    simulation.act_overnight(SAMSUNG, 5)
    simulation.close()

    again = Day(a_simulation(journal=tmp_path))

    assert again.simulation.engine.account(ACCOUNT).holdings[SAMSUNG].quantity == 50
