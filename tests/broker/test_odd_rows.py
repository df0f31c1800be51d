"""An odd row of an account list affects only its own stock; readable rows are kept."""

import pytest

from broker.kis import KisBroker
from domain.lane import Lane
from domain.market import Side, Symbol
from domain.money import Price
from tests.broker.parts import DAY, SAMSUNG, ScriptedKis, a_holding_row, an_order_row, success

TOTALS = {"prvs_rcdl_excc_amt": "5000000"}


async def test_a_fill_without_its_amount_is_not_readable_yet(broker: KisBroker, kis: ScriptedKis) -> None:
    rows = [an_order_row(1, tot_ccld_amt="0"), an_order_row(2)]
    kis.answers("inquire-daily-ccld", success("D", output1=rows, output2={}))

    orders = await broker.orders_on(DAY, Lane.RESOLVE)

    assert [order.ref.number for order in orders] == ["0000000002"]
    assert [(row.symbol, row.field) for row in orders.unreadable] == [(SAMSUNG, "tot_ccld_amt")]


@pytest.mark.parametrize("credit", [{"trad_dvsn_name": "자기융자"}, {"loan_dt": "20261102"}])
@pytest.mark.parametrize("comes_first", [True, False])
async def test_of_a_cash_row_and_a_credit_row_only_the_cash_row_counts(
    broker: KisBroker, kis: ScriptedKis, credit: dict[str, str], comes_first: bool
) -> None:
    on_credit = a_holding_row(hldg_qty="400", ord_psbl_qty="400", **credit)
    rows = [on_credit, a_holding_row()] if comes_first else [a_holding_row(), on_credit]
    kis.answers("inquire-balance", success("D", output1=rows, output2=TOTALS))

    balance = await broker.balance(Lane.RESOLVE)

    assert [(held.symbol, held.quantity, held.sellable) for held in balance.holdings] == [(SAMSUNG, 10, 7)]
    assert balance.unreadable == ()


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({"rmn_qty": ""}, "rmn_qty"),
        ({"rmn_qty": "-6"}, "rmn_qty"),
        ({"tot_ccld_qty": "-1"}, "tot_ccld_qty"),
        ({"tot_ccld_qty": "11"}, "row"),
        ({"tot_ccld_amt": "1e9"}, "tot_ccld_amt"),
        ({"sll_buy_dvsn_cd": "03"}, "sll_buy_dvsn_cd"),
        ({"ord_dt": "20261332"}, "ord_dt"),
        ({"ord_tmd": "256199"}, "ord_tmd"),
        ({"ord_tmd": ""}, "ord_tmd"),
        ({"odno": "0"}, "odno"),
        ({"ord_gno_brno": "branch"}, "ord_gno_brno"),
    ],
)
async def test_an_odd_order_row_hides_only_itself_and_names_its_field_only(
    broker: KisBroker, kis: ScriptedKis, row: dict[str, str], field: str
) -> None:
    rows = [an_order_row(1, pdno="000660"), an_order_row(2) | row, an_order_row(3, pdno="035720")]
    kis.answers("inquire-daily-ccld", success("D", output1=rows, output2={}))

    orders = await broker.orders_on(DAY, Lane.RESOLVE)

    assert [order.symbol for order in orders] == ["000660", "035720"]
    (odd,) = orders.unreadable
    assert (odd.symbol, odd.field) == (SAMSUNG, field)
    assert orders.doubts(SAMSUNG)
    assert not orders.doubts(Symbol("000660"))
    assert not any(value and value in odd.why for value in row.values() if len(value) > 2)


@pytest.mark.parametrize("code", ["", "00593?", "a" * 30])
async def test_an_order_row_without_a_code_may_be_any_stocks(broker: KisBroker, kis: ScriptedKis, code: str) -> None:
    rows = [an_order_row(1), an_order_row(2, pdno=code)]
    kis.answers("inquire-daily-ccld", success("D", output1=rows, output2={}))

    orders = await broker.orders_on(DAY, Lane.RESOLVE)

    assert [order.ref.number[-1] for order in orders] == ["1"]
    (odd,) = orders.unreadable
    assert (odd.symbol, odd.field, odd.side, odd.quantity) == (None, "pdno", Side.BUY, 10)
    assert odd.ref is not None
    assert odd.ref.number == "0000000002"


async def test_a_list_element_that_is_no_row_hides_no_other(broker: KisBroker, kis: ScriptedKis) -> None:
    kis.answers("inquire-daily-ccld", success("D", output1=[an_order_row(1), "x", None, ["y"]], output2={}))

    orders = await broker.orders_on(DAY, Lane.RESOLVE)

    assert len(orders) == 1
    assert [row.symbol for row in orders.unreadable] == [None, None]


@pytest.mark.parametrize(
    ("changes", "quantity"),
    [({"hldg_qty": "12.7"}, 12), ({"hldg_qty": "0.3"}, None), ({"prpr": "70500.25"}, 10), ({"pchs_amt": "1.5"}, 10)],
)
async def test_of_a_fraction_the_whole_shares_count(
    broker: KisBroker, kis: ScriptedKis, changes: dict[str, str], quantity: int | None
) -> None:
    rows = [a_holding_row("000660"), a_holding_row(**changes)]
    kis.answers("inquire-balance", success("D", output1=rows, output2=TOTALS))

    balance = await broker.balance(Lane.RESOLVE)

    assert balance.quantities().get(SAMSUNG) == quantity
    assert balance.quantity_of(SAMSUNG) == (quantity or 0)
    assert balance.quantities()[Symbol("000660")] == 10
    assert balance.unreadable == ()


@pytest.mark.parametrize("field", ["hldg_qty", "ord_psbl_qty", "pchs_amt", "prpr"])
@pytest.mark.parametrize("value", ["-5", "many", None])
async def test_an_odd_holding_puts_only_its_own_stock_in_doubt(
    broker: KisBroker, kis: ScriptedKis, field: str, value: str | None
) -> None:
    odd = a_holding_row() | {field: value} if value else {k: v for k, v in a_holding_row().items() if k != field}
    kis.answers("inquire-balance", success("D", output1=[odd, a_holding_row("000660")], output2=TOTALS))

    balance = await broker.balance(Lane.RESOLVE)

    assert balance.quantities() == {"000660": 10}
    assert balance.quantity_of(SAMSUNG) is None
    assert balance.quantity_of(Symbol("035720")) == 0
    assert [(row.symbol, row.field) for row in balance.unreadable] == [(SAMSUNG, field)]


async def test_a_holding_without_a_code_puts_only_stocks_in_doubt_that_are_not_listed(
    broker: KisBroker, kis: ScriptedKis
) -> None:
    rows = [a_holding_row(""), a_holding_row("000660"), a_holding_row("035720", hldg_qty="0")]
    kis.answers("inquire-balance", success("D", output1=rows, output2=TOTALS))

    balance = await broker.balance(Lane.RESOLVE)

    assert [balance.quantity_of(Symbol(code)) for code in ("000660", "035720", "005930")] == [10, 0, None]


@pytest.mark.parametrize("code", ["Q530031", "KR6000001", "AAPL", "KR1035020A12", "BRK/B"])
async def test_a_code_of_another_length_is_a_holding_like_any_other(
    broker: KisBroker, kis: ScriptedKis, code: str
) -> None:
    kis.answers("inquire-balance", success("D", output1=[a_holding_row(code), a_holding_row()], output2=TOTALS))

    balance = await broker.balance(Lane.RESOLVE)

    assert set(balance.quantities()) == {code, SAMSUNG}


async def test_cash_that_cannot_be_read_leaves_the_holdings(broker: KisBroker, kis: ScriptedKis) -> None:
    totals = {"prvs_rcdl_excc_amt": "?", "evlu_amt_smtl_amt": "705000"}
    kis.answers("inquire-balance", success("D", output1=[a_holding_row()], output2=[totals]))

    balance = await broker.balance(Lane.RESOLVE)

    assert balance.cash is None
    assert balance.quantities() == {SAMSUNG: 10}
    assert balance.quantity_of(Symbol("035720")) == 0
    assert [(row.symbol, row.field) for row in balance.unreadable] == [(None, "prvs_rcdl_excc_amt")]


async def test_a_negative_buying_power_is_none(broker: KisBroker, kis: ScriptedKis) -> None:
    kis.answers("inquire-psbl-order", success(output={"nrcvb_buy_amt": "-120000", "nrcvb_buy_qty": "-2"}))

    power = await broker.buying_power(SAMSUNG, Price(70_000), Lane.ENTRY)

    assert (power.cash, power.quantity) == (0, 0)


@pytest.mark.parametrize(
    "never_ours",
    [
        {"loan_dt": "20261102", "tot_ccld_qty": "5", "tot_ccld_amt": "0"},
        {"loan_dt": "20261102", "ord_tmd": "", "rmn_qty": ""},
        {"ord_qty": "0.4173", "tot_ccld_qty": "", "ord_tmd": ""},
    ],
)
async def test_an_unreadable_order_on_credit_or_for_part_of_a_share_hides_no_order_of_ours(
    broker: KisBroker, kis: ScriptedKis, never_ours: dict[str, str]
) -> None:
    """No order of ours is on credit or in fractions: such a row proves nothing about its stock, readable or not."""
    kis.answers(
        "inquire-daily-ccld", success("D", output1=[an_order_row(1), an_order_row(2, **never_ours)], output2={})
    )

    orders = await broker.orders_on(DAY, Lane.RESOLVE)

    assert ([order.ref.number for order in orders], orders.unreadable) == (["0000000001"], ())


async def test_a_list_of_nothing_but_unreadable_credit_orders_contradicts_no_totals(
    broker: KisBroker, kis: ScriptedKis
) -> None:
    row, totals = an_order_row(2, loan_dt="20261102", ord_tmd=""), {"tot_ord_qty": "10", "tot_ccld_qty": "0"}
    kis.answers("inquire-daily-ccld", success("D", output1=[row], output2=totals))

    assert await broker.orders_on(DAY, Lane.RESOLVE) == ()


@pytest.mark.parametrize("loan", ["", "00000000", "many", "2026"])
async def test_an_unreadable_order_without_a_loan_date_still_hides_ours(
    broker: KisBroker, kis: ScriptedKis, loan: str
) -> None:
    kis.answers("inquire-daily-ccld", success("D", output1=[an_order_row(2, loan_dt=loan, rmn_qty="")], output2={}))

    assert len((await broker.orders_on(DAY, Lane.RESOLVE)).unreadable) == 1


async def test_part_of_a_share_is_neither_a_second_row_of_ours_nor_a_sold_out_stock(
    broker: KisBroker, kis: ScriptedKis
) -> None:
    """The owner's savings plan holds a part of a share of a stock that we trade."""
    part = {"hldg_qty": "0.4173", "ord_psbl_qty": "0.4173", "pchs_amt": "20100.5"}
    rows = [a_holding_row("000660", **part), a_holding_row(), a_holding_row(**part)]
    kis.answers("inquire-balance", success("D", output1=rows, output2=TOTALS))

    balance = await broker.balance(Lane.RESOLVE)

    assert (balance.quantities(), balance.sold_out, balance.unreadable) == ({"005930": 10}, frozenset(), ())


async def test_orders_on_credit_and_of_fractions_are_marked_as_not_ours(broker: KisBroker, kis: ScriptedKis) -> None:
    fraction = an_order_row(2, ord_qty="10.5", tot_ccld_qty="0.3", tot_ccld_amt="21000", rmn_qty="0.2")
    rows = [an_order_row(1, loan_dt="20261123"), fraction, an_order_row(3, loan_dt="00000000")]
    kis.answers("inquire-daily-ccld", success("D", output1=rows, output2={}))

    orders = await broker.orders_on(DAY, Lane.RESOLVE)

    assert [(order.on_credit, order.in_fractions) for order in orders] == [(True, False), (False, True), (False, False)]
    assert (orders[1].filled_quantity, orders[1].is_over) == (0, False)
