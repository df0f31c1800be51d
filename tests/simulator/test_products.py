"""ETFs, ETNs and added codes: price grid, tax, what they follow, and how they are listed."""

import re
from pathlib import Path

import pytest

from simulator.__main__ import main
from simulator.krx.costs import added_costs, charged
from simulator.krx.prices import ETF_GRID
from simulator.krx.units import Market, Price, Product, Side, Symbol
from simulator.listings import PRODUCTS, added_listing
from simulator.refusals import OrderRefusedError, Refusal
from simulator.simulation import SettingsMismatchError
from tests.simulator.market_day import ACCOUNT, Client, Day, a_cancel, a_simulation, an_order
from tests.simulator.official_calls import asked

KODEX, INVERSE, LEVERAGE = Symbol("069500"), Symbol("114800"), Symbol("122630")
ALL = tuple(PRODUCTS)


@pytest.mark.parametrize("symbol", ["069500", "0000J0", "Q500001"])
async def test_a_product_is_bought_cancelled_and_sold_over_the_wire(symbol: str) -> None:
    client = Client(a_simulation(added=ALL))
    limits = client.simulation.exchange.snapshot(Symbol(symbol), client.simulation.market_now()).limits

    bought = (await client.post("/trading/order-cash", "TTTC0012U", an_order(3, symbol=symbol))).json()
    resting = (await client.post("/trading/order-cash", "TTTC0012U", an_order(1, limits.lower, symbol))).json()
    number = resting["output"]["ODNO"]
    cancelled = (await client.post("/trading/order-rvsecncl", "TTTC0013U", a_cancel(number))).json()
    sold = (await client.post("/trading/order-cash", "TTTC0011U", an_order(3, symbol=symbol))).json()

    assert [reply["rt_cd"] for reply in (bought, resting, cancelled, sold)] == ["0", "0", "0", "0"]
    assert not client.simulation.engine.account(ACCOUNT).holdings[Symbol(symbol)].quantity


def test_a_product_has_a_grid_of_its_own() -> None:
    day = Day(a_simulation(added=ALL))
    price = day.price(KODEX)

    assert price > 20_000
    assert ETF_GRID.is_on_grid(price)
    day.buys(1, price // 5 * 5 - 5, symbol=KODEX)
    with pytest.raises(OrderRefusedError) as caught:
        day.buys(1, price // 5 * 5 - 4, symbol=KODEX)

    assert caught.value.refusal is Refusal.OFF_GRID


def test_the_sale_of_a_product_is_free_of_tax() -> None:
    day = Day(a_simulation(added=ALL))
    day.buys(50, symbol=KODEX)
    day.sells(50, symbol=KODEX)
    buy, sale = day.simulation.engine.account(ACCOUNT).orders

    assert sale.costs.tax == 0
    assert sale.costs.commission == sale.amount * 146_527 // 10**9 // 10 * 10 > 0
    assert buy.costs == added_costs(Side.BUY, Product.ETF, buy.day, 0, buy.amount)
    assert charged(Side.SELL, Market.KOSPI, sale.day, sale.amount).tax > 0


def test_an_amended_order_of_a_product_keeps_its_fees_and_its_grid() -> None:
    day = Day(a_simulation(added=ALL))
    day.buys(50, symbol=KODEX)
    resting = day.sells(50, ETF_GRID.next_above(day.price(KODEX)) + 500, symbol=KODEX)
    with pytest.raises(OrderRefusedError) as caught:
        day.amends(resting, day.price(KODEX) // 5 * 5 - 4)

    sale = day.amends(resting, day.price(KODEX) // 5 * 5 - 100)

    assert caught.value.refusal is Refusal.OFF_GRID
    assert (sale.product, sale.filled, sale.costs.tax) == (Product.ETF, 50, 0)
    assert sale.costs.commission == sale.amount * 146_527 // 10**9 // 10 * 10 > 0


def test_the_buying_power_for_a_product_counts_its_own_commission() -> None:
    day = Day(a_simulation(added=ALL))
    account, low = day.simulation.engine.account(ACCOUNT), day.price(INVERSE) // 5 * 5 - 200

    for price in range(low, low + 100, 5):
        most = day.simulation.engine.buyable(account, Price(price), INVERSE)
        with pytest.raises(OrderRefusedError):
            day.buys(most + 1, price, INVERSE)
        day.cancels(day.buys(most, price, INVERSE))


def test_a_product_follows_its_market_so_many_times() -> None:
    exchange = a_simulation(added=ALL).exchange
    last = exchange.sessions.position(exchange.shown_session(a_simulation().market_now()))

    def moves(symbol: Symbol) -> list[float]:
        tape = exchange.tapes[symbol]
        return [tape.base_price(day + 1) / tape.base_price(day) - 1 for day in range(last - 60, last)]

    plain, inverse, double = moves(KODEX), moves(INVERSE), moves(LEVERAGE)
    assert sum(abs(a + b) for a, b in zip(plain, inverse, strict=True)) / 60 < 0.001
    assert sum(abs(2 * a - b) for a, b in zip(plain, double, strict=True)) / 60 < 0.001
    assert max(map(abs, plain)) > 0.003


async def test_kis_names_the_kind_of_a_product() -> None:
    client = Client(a_simulation(added=ALL))

    def stock(symbol: str) -> dict[str, str]:
        return {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": symbol}

    boards = {
        symbol: (await asked(client, "inquire_price", **stock(symbol)))["output"]["rprs_mrkt_kor_name"]
        for symbol in ("069500", "0000J0", "Q500001")
    }
    groups = [
        (await asked(client, "search_stock_info", PRDT_TYPE_CD="300", PDNO=symbol))["output"]["scty_grp_id_cd"]
        for symbol in ("069500", "Q500001", "005930")
    ]

    assert boards == {"069500": "ETF", "0000J0": "ETF", "Q500001": "ETN"}
    assert groups == ["EF", "EN", "ST"]


async def test_a_ranking_leaves_out_products_where_that_is_asked_for() -> None:
    client = Client(a_simulation(added=ALL))
    ranking = {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": "0000", "FID_BLNG_CLS_CODE": "0"}

    with_them = (await asked(client, "volume_rank", **ranking))["output"]
    without = (await asked(client, "volume_rank", **ranking, FID_TRGT_EXLS_CLS_CODE="0000001100"))["output"]

    assert with_them[0]["mksc_shrn_iscd"] == "252670"
    assert not {row["mksc_shrn_iscd"] for row in without} & set(ALL)


@pytest.mark.parametrize(
    ("text", "board", "price"),
    [
        ("005935=58000", "KOSPI200", 58_000),
        ("305720=12005,etf", "ETF", 12_005),
        ("0126Z0=1500,kosdaq", "KOSDAQ", 1_500),
    ],
)
def test_any_code_is_added(text: str, board: str, price: int) -> None:
    symbol = Symbol(text.partition("=")[0])
    simulation = a_simulation(added=(text,))

    listing = simulation.exchange.tapes[symbol].listing
    assert (listing.board, listing.price) == (board, price)
    assert Day(simulation).buys(1, symbol=symbol).filled == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("12345=100", "write CODE=PRICE or CODE=PRICE,KIND"),
        ("005935=58000,bond", "kinds: kospi, kosdaq, etf, etn"),
        ("005935=58010", "58010 won is not on the price grid; 58100 is"),
        ("005935=0", "is not on the price grid"),
    ],
)
def test_a_code_that_makes_no_sense_is_named_with_its_fix(
    text: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--add", text])

    assert ended.value.code == 2
    assert said in capsys.readouterr().err
    with pytest.raises(ValueError, match=re.escape(text)):
        added_listing(text)


def test_books_with_a_product_are_not_those_of_a_market_without(tmp_path: Path) -> None:
    first = a_simulation(journal=tmp_path, added=ALL)
    Day(first).buys(2, symbol=KODEX)
    first.close()

    again = a_simulation(journal=tmp_path, added=ALL)
    held = again.engine.account(ACCOUNT).holdings[KODEX].quantity
    again.close()

    assert held == 2
    with pytest.raises(SettingsMismatchError, match="added"):
        a_simulation(journal=tmp_path)
