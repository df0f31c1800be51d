"""Day, week, month and year bars: inquire-daily-itemchartprice and inquire-daily-price."""

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from itertools import groupby, islice, pairwise, takewhile
from typing import Final, NamedTuple

from simulator.day_path import DaySummary
from simulator.exchange import Exchange, Snapshot
from simulator.krx.units import Quantity, Won
from simulator.quotes import asked_stock, change_fields, price_fields
from simulator.wire import Call, Fields, GatewayRefusalError, Reply, percent, quotation, sign

_ROWS: Final = 100
_SHORT_ROWS: Final = 30
Period = Callable[[date], object]
PERIODS: Final[dict[str, Period]] = {
    "D": lambda day: day,
    "W": lambda day: day.isocalendar()[:2],
    "M": lambda day: (day.year, day.month),
    "Y": lambda day: day.year,
}


class PeriodBar(NamedTuple):
    """The bar of a day or a longer period; ``base`` is the previous close (won)."""

    date: date
    bar: DaySummary
    base: int


def daily_chart(call: Call) -> Reply:
    """FHKST03010100: up to 100 day, week, month or year bars between two dates, newest first."""
    exchange = call.simulation.exchange
    period, seen = _period(call), asked_stock(call)
    if seen is None:
        return quotation(output1={}, output2=[])
    first, last = call.values["FID_INPUT_DATE_1"], call.values["FID_INPUT_DATE_2"]
    since_first = takewhile(lambda day: f"{day.date:%Y%m%d}" >= first, days_of(exchange, seen))
    wanted = (day for day in since_first if f"{day.date:%Y%m%d}" <= last)
    rows = [_bar_row(bar) for bar in islice(_grouped(wanted, period), _ROWS)]
    return quotation(output1=_daily_head(exchange, seen), output2=rows)


def daily_price(call: Call) -> Reply:
    """FHKST01010400: the last 30 day, week or month bars, newest first."""
    exchange = call.simulation.exchange
    period, seen = _period(call), asked_stock(call)
    if seen is None:
        return quotation(output=[])
    bars = list(islice(_grouped(days_of(exchange, seen), period), _SHORT_ROWS + 1))
    rows = [
        _bar_row(bar)
        | {
            "prdy_ctrt": percent(bar.bar.close_price - bar.base, bar.base),
            "prdy_vrss_vol_rate": percent(bar.bar.volume, earlier.bar.volume),
            "hts_frgn_ehrt": "0.00",
            "frgn_ntby_qty": "0",
            "acml_prtt_rate": "0.00",
        }
        for bar, earlier in pairwise(bars)
    ]
    for row in rows:
        for absent in ("acml_tr_pbmn", "prtt_rate", "mod_yn", "revl_issu_reas"):
            del row[absent]
    return quotation(output=rows)


def _period(call: Call) -> Period:
    try:
        return PERIODS[call.values["FID_PERIOD_DIV_CODE"]]
    except KeyError as error:
        raise GatewayRefusalError("OPSQ2001", "ERROR INVALID FID_PERIOD_DIV_CODE", status=200, rt_cd="2") from error


def days_of(exchange: Exchange, seen: Snapshot) -> Iterator[PeriodBar]:
    """Yield days backwards with their bar and previous close. Today is included once it has a trade."""
    symbol = seen.listing.symbol
    position = exchange.sessions.position(seen.session)
    if seen.totals.volume:
        today = seen.totals
        bar = DaySummary(today.open_price, today.high_price, today.low_price, seen.price, today.volume, today.turnover)
        yield PeriodBar(seen.session.date, bar, seen.base)
    for earlier in range(position - 1, 0, -1):
        base = exchange.tapes[symbol].base_price(earlier)
        bar, shares = exchange.day(symbol, earlier), seen.division.shares
        bar = bar._replace(volume=Quantity(shares(bar.volume)), turnover=Won(shares(bar.turnover)))
        yield PeriodBar(exchange.sessions.at(earlier).date, bar, base)


def _grouped(days: Iterable[PeriodBar], period: Period) -> Iterator[PeriodBar]:
    """Merge the days of one week, month or year. The date is the period's latest day so far."""
    for _, group in groupby(days, key=lambda day: period(day.date)):
        newest, *earlier = group
        oldest = earlier[-1] if earlier else newest
        bars = [newest.bar, *(day.bar for day in earlier)]
        yield PeriodBar(
            newest.date,
            DaySummary(
                oldest.bar.open_price,
                max(bar.high_price for bar in bars),
                min(bar.low_price for bar in bars),
                newest.bar.close_price,
                Quantity(sum(bar.volume for bar in bars)),
                Won(sum(bar.turnover for bar in bars)),
            ),
            oldest.base,
        )


def _bar_row(period_bar: PeriodBar) -> Fields:
    day, bar, base = period_bar
    return {
        "stck_bsop_date": f"{day:%Y%m%d}",
        "stck_clpr": str(bar.close_price),
        "stck_oprc": str(bar.open_price),
        "stck_hgpr": str(bar.high_price),
        "stck_lwpr": str(bar.low_price),
        "acml_vol": str(bar.volume),
        "acml_tr_pbmn": str(bar.turnover),
        "flng_cls_code": "00",
        "prtt_rate": "0.00",
        "mod_yn": "N",
        "prdy_vrss_sign": sign(bar.close_price - base),
        "prdy_vrss": str(bar.close_price - base),
        "revl_issu_reas": "",
    }


def _daily_head(exchange: Exchange, seen: Snapshot) -> Fields:
    previous = exchange.previous_day(seen.listing.symbol, seen.session)
    prices = price_fields(seen)
    names = ("stck_prpr", "stck_mxpr", "stck_llam", "stck_oprc", "stck_hgpr", "stck_lwpr")
    return (
        change_fields(seen)
        | {name: prices[name] for name in names}
        | {
            "stck_prdy_clpr": str(seen.raw_close),
            "acml_vol": str(seen.totals.volume),
            "acml_tr_pbmn": str(seen.totals.turnover),
            "hts_kor_isnm": seen.listing.name,
            "stck_shrn_iscd": seen.listing.symbol,
            "prdy_vol": str(previous.volume),
            "stck_prdy_oprc": str(previous.open_price),
            "stck_prdy_hgpr": str(previous.high_price),
            "stck_prdy_lwpr": str(previous.low_price),
            "askp": str(seen.price),
            "bidp": str(seen.price),
            "prdy_vrss_vol": str(seen.totals.volume - previous.volume),
            "vol_tnrt": percent(seen.totals.volume, seen.listing.listed_shares),
            "stck_fcam": "500",
            "lstn_stcn": str(seen.listing.listed_shares),
            "cpfn": "0",
            "hts_avls": str(seen.listing.listed_shares * seen.price // 100_000_000),
            "per": "0.00",
            "eps": "0.00",
            "pbr": "0.00",
            "itewhol_loan_rmnd_ratem": "0.00",
        }
    )
