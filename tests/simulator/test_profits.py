"""Realised profit and loss, bars of longer periods and past days, and lists that are always empty."""

import itertools
from typing import Any

import pytest

from simulator.krx.sessions import in_seoul
from simulator.krx.units import Side, Symbol
from simulator.orders import AccountId
from tests.simulator.fact_sheet import FACT_SHEET
from tests.simulator.market_day import ACCOUNT, SAMSUNG, Client, Day, a_simulation

LIVELY = Symbol("056080")
VALUES = {documented.tr_id: (documented.path, documented.values) for documented in FACT_SHEET}


@pytest.fixture
def client() -> Client:
    return Client(a_simulation())


async def ask(client: Client, tr_id: str, **changed: str) -> Any:
    path, values = VALUES[tr_id]
    return (await client.get(path, tr_id, values | changed)).json()


async def test_over_a_flat_period_the_realised_profit_is_the_cash_earned_to_the_won(client: Client) -> None:
    day = Day(client.simulation)
    for symbol, quantity in ((SAMSUNG, 12), (LIVELY, 700), (SAMSUNG, 5)):
        day.buys(quantity, symbol=symbol)
    day.reaches("2026-11-24 10:00:00")
    for symbol, quantity in ((SAMSUNG, 17), (LIVELY, 700)):
        day.sells(quantity, symbol=symbol)
    account = client.simulation.engine.account(ACCOUNT)
    period = {"INQR_END_DT": "20261124"}

    days, stocks = await ask(client, "TTTC8708R", **period), await ask(client, "TTTC8715R", **period)

    earned = account.cash - account.opening_cash
    assert not any(holding.quantity for holding in account.holdings.values())
    assert sum(int(row["rlzt_pfls"]) for row in days["output1"]) == earned
    assert sum(int(row["rlzt_pfls"]) for row in stocks["output1"]) == earned
    assert days["output2"]["tot_rlzt_pfls"] == stocks["output2"]["tot_rlzt_pfls"] == str(earned)
    assert int(days["output2"]["tot_excc_amt"]) == earned
    assert [row["trad_dt"] for row in days["output1"]] == ["20261124", "20261123"]
    fees = sum(order.costs.commission for order in account.orders)
    taxes = sum(order.costs.tax for order in account.orders)
    assert (days["output2"]["tot_fee"], days["output2"]["tot_tltx"]) == (str(fees), str(taxes))


async def test_yesterdays_trades_show_in_todays_balance(client: Client) -> None:
    day = Day(client.simulation)
    bought = day.buys(12)
    day.reaches("2026-11-24 10:00:00")
    day.sells(5)

    body = await ask(client, "TTTC8494R")

    row, sums = body["output1"][0], body["output2"][0]
    assert (row["bfdy_buy_qty"], row["thdt_buyqty"], row["thdt_sll_qty"], row["hldg_qty"]) == ("12", "0", "5", "7")
    assert sums["bfdy_buy_amt"] == str(bought.amount)
    sold = next(o for o in client.simulation.engine.account(ACCOUNT).orders if o.side is Side.SELL)
    cost = bought.amount * 5 // 12
    assert int(sums["rlzt_pfls"]) == sold.amount - cost - sold.costs.total


async def test_the_accounts_assets_are_stocks_and_cash(client: Client) -> None:
    Day(client.simulation).buys(10)
    account = client.simulation.engine.account(AccountId(*ACCOUNT))

    body = await ask(client, "CTRP6548R")

    stocks, cash = int(body["output1"][0]["evlu_amt"]), int(body["output1"][-1]["evlu_amt"])
    assert cash == account.cash
    assert body["output2"]["tot_asst_amt"] == str(stocks + cash)


@pytest.mark.parametrize("period", ["W", "M", "Y"])
async def test_longer_bars_join_their_days(client: Client, period: str) -> None:
    wanted = {"FID_INPUT_DATE_1": "20260901", "FID_INPUT_DATE_2": "20261120"}
    days = (await ask(client, "FHKST03010100", **wanted))["output2"]
    bars = (await ask(client, "FHKST03010100", **wanted, FID_PERIOD_DIV_CODE=period))["output2"]

    assert 0 < len(bars) < len(days)
    assert sum(int(bar["acml_vol"]) for bar in bars) == sum(int(day["acml_vol"]) for day in days)
    assert max(int(bar["stck_hgpr"]) for bar in bars) == max(int(day["stck_hgpr"]) for day in days)
    assert bars[0]["stck_clpr"] == days[0]["stck_clpr"]
    assert bars[-1]["stck_oprc"] == days[-1]["stck_oprc"]
    for newer, older in itertools.pairwise(bars):
        assert int(newer["stck_clpr"]) - int(newer["prdy_vrss"]) == int(older["stck_clpr"])


async def test_an_unknown_period_is_an_input_error(client: Client) -> None:
    assert (await ask(client, "FHKST03010100", FID_PERIOD_DIV_CODE="Q"))["msg_cd"] == "OPSQ2001"


async def test_past_minutes_fall_back_from_a_closed_day_and_join_days_when_asked(client: Client) -> None:
    sunday = (await ask(client, "FHKST03010230", FID_INPUT_DATE_1="20261122"))["output2"]
    joined = (await ask(client, "FHKST03010230", FID_INPUT_HOUR_1="100000", FID_PW_DATA_INCU_YN="Y"))["output2"]
    alone = (await ask(client, "FHKST03010230", FID_INPUT_HOUR_1="100000"))["output2"]
    early = (await ask(client, "FHKST03010230", FID_INPUT_HOUR_1="083000"))["output2"]
    long_ago = (await ask(client, "FHKST03010230", FID_INPUT_DATE_1="20250710"))["output2"]

    assert {row["stck_bsop_date"] for row in sunday} == {"20261120"}
    assert (len(sunday), len(joined), len(alone)) == (120, 120, 61)
    assert {row["stck_bsop_date"] for row in joined} == {"20261119", "20261120"}
    assert early == long_ago == []


async def test_minutes_to_come_show_the_last_price_as_kis_does(client: Client) -> None:
    rows = (await ask(client, "FHKST03010200", FID_INPUT_HOUR_1="093500"))["output2"]

    price = str(Day(client.simulation).price())
    assert [row["stck_cntg_hour"] for row in rows[:6]] == [f"{at:06}" for at in range(93500, 92900, -100)]
    assert {row["stck_prpr"] for row in rows[:5]} == {price}
    assert {row["cntg_vol"] for row in rows[:5]} == {"0"}
    assert len(rows) == 30


async def test_investors_add_up_and_stay_blank_until_the_close(client: Client) -> None:
    rows = (await ask(client, "FHKST01010900"))["output"]

    today, yesterday = rows[0], rows[1]
    assert today["stck_bsop_date"] == f"{in_seoul(client.simulation.market_now()):%Y%m%d}"
    assert today["prsn_ntby_qty"] == ""
    assert sum(int(yesterday[f"{who}_ntby_qty"]) for who in ("prsn", "frgn", "orgn")) == 0


async def test_the_ticks_of_the_day_stop_at_the_asked_time(client: Client) -> None:
    rows = (await ask(client, "FHPST01060000", FID_INPUT_HOUR_1="091500"))["output2"]

    times = [row["stck_cntg_hour"] for row in rows]
    assert times == sorted(times, reverse=True)
    assert times[0] <= "091500"
    assert int(rows[0]["acml_vol"]) - int(rows[0]["cnqn"]) == int(rows[1]["acml_vol"])
