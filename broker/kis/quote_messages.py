"""KIS's rows about prices, with KIS's own names (docs/kis.md §3)."""

from itertools import takewhile
from typing import Annotated, Any

from pydantic import Field, ValidationError, model_validator

from broker.kis.fields import Change, Code, Count, CountOrZero, Day, Message, Points, PointsChange, Text, Word


class PricedCode(Message):
    """A row of intstock-multprice (FHKST11300006): an unknown or halted stock has price 0 and few other fields."""

    inter_shrn_iscd: Code
    inter2_prpr: CountOrZero


class ManyPricesRow(PricedCode):
    """One priced stock of intstock-multprice (FHKST11300006); other fields may be zero or blank."""

    kospi_kosdaq_cls_name: Text = ""
    inter_kor_isnm: Text = ""
    inter2_oprc: CountOrZero
    inter2_hgpr: CountOrZero
    inter2_lwpr: CountOrZero
    inter2_llam: CountOrZero
    inter2_mxpr: CountOrZero
    inter2_askp: CountOrZero
    inter2_bidp: CountOrZero
    seln_rsqn: CountOrZero
    shnu_rsqn: CountOrZero
    acml_vol: CountOrZero
    acml_tr_pbmn: CountOrZero
    inter2_prdy_clpr: CountOrZero
    inter2_sdpr: CountOrZero = 0
    inter2_prdy_vrss: Change = None
    prdy_vrss_sign: Text = ""


class LastPrice(Message):
    """inquire-price (FHKST01010100) of any code: a stock unknown to KIS has price 0 and few other fields."""

    stck_prpr: CountOrZero
    rprs_mrkt_kor_name: Text = ""

    @property
    def is_known(self) -> bool:
        """Return whether the stock exists."""
        return bool(self.stck_prpr or self.rprs_mrkt_kor_name)


class PriceRow(Message):
    """inquire-price (FHKST01010100): one stock without best bid and ask."""

    rprs_mrkt_kor_name: Text = ""
    stck_prpr: CountOrZero
    stck_oprc: CountOrZero
    stck_hgpr: CountOrZero
    stck_lwpr: CountOrZero
    stck_sdpr: CountOrZero
    stck_mxpr: CountOrZero
    stck_llam: CountOrZero
    acml_vol: CountOrZero
    acml_tr_pbmn: CountOrZero
    prdy_vrss: Change = None
    prdy_vrss_sign: Text = ""


class StatusRow(Message):
    """inquire-price (FHKST01010100): the board and the warnings, all required: a missing one would hide a warning."""

    rprs_mrkt_kor_name: Text
    iscd_stat_cls_code: Text
    temp_stop_yn: Text
    vi_cls_code: Text
    mrkt_warn_cls_code: Text
    short_over_yn: Text
    sltr_yn: Text
    mang_issu_cls_code: Text
    invt_caful_yn: Text


class DailyHead(Message):
    """``output1`` of inquire-daily-itemchartprice (FHKST03010100): today's limits and the previous session's bar."""

    stck_mxpr: CountOrZero
    stck_llam: CountOrZero
    stck_prpr: CountOrZero = 0
    prdy_vrss: Change = None
    prdy_vrss_sign: Text = ""
    stck_prdy_clpr: CountOrZero
    stck_prdy_hgpr: CountOrZero = 0
    stck_prdy_lwpr: CountOrZero = 0
    prdy_vol: CountOrZero = 0


class DatedBar(Message):
    """``output2`` of inquire-daily-itemchartprice (FHKST03010100): only the date of one session."""

    stck_bsop_date: Day


class DailyBar(DatedBar):
    """``output2`` of inquire-daily-itemchartprice (FHKST03010100): one session."""

    stck_clpr: Count
    stck_hgpr: Count
    stck_lwpr: Count
    acml_vol: CountOrZero


class DailyChartRow(Message):
    """``output2`` of inquire-daily-itemchartprice (FHKST03010100) as a bar. KIS sends empty rows for missing days."""

    stck_bsop_date: Annotated[Word, Field(pattern=r"^([0-9]{8})?$")] = ""
    stck_oprc: CountOrZero = 0
    stck_hgpr: CountOrZero = 0
    stck_lwpr: CountOrZero = 0
    stck_clpr: CountOrZero = 0
    acml_vol: CountOrZero = 0
    acml_tr_pbmn: CountOrZero = 0
    prdy_vrss: Change = None
    prdy_vrss_sign: Text = ""


class MinuteRow(Message):
    """``output2`` of inquire-time-dailychartprice (FHKST03010230): one minute; ``acml_tr_pbmn`` is the day's so far."""

    stck_bsop_date: Day
    stck_cntg_hour: Annotated[Word, Field(pattern=r"^([01][0-9]|2[0-3])[0-5][0-9][0-5][0-9]$")]
    stck_prpr: Count
    stck_oprc: Count
    stck_hgpr: Count
    stck_lwpr: Count
    cntg_vol: CountOrZero
    acml_tr_pbmn: CountOrZero


class WholeBar(DailyBar):
    """The same with the opening price, for strategies."""

    stck_oprc: Count


class RankRow(Message):
    """One stock of volume-rank (FHPST01710000)."""

    mksc_shrn_iscd: Code


class LevelRow(Message):
    """One price of the order book and the shares resting at it."""

    price: CountOrZero
    quantity: CountOrZero


class BookRow(Message):
    """``output1`` of inquire-asking-price-exp-ccn (FHKST01010200): ``askp1`` … ``bidp_rsqn10``."""

    asks: tuple[LevelRow, ...]
    bids: tuple[LevelRow, ...]

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, row: Any) -> dict[str, list[dict[str, Any]]]:
        return {"asks": _levels(row, "askp"), "bids": _levels(row, "bidp")}


class IndexRow(Message):
    """inquire-index-price (FHPUP02100000): level and change of an index; an unknown code has level 0."""

    bstp_nmix_prpr: Points
    bstp_nmix_prdy_vrss: PointsChange = None
    prdy_vrss_sign: Text = ""


class HolidayRow(Message):
    """One day of chk-holiday (CTCA0903R); ``opnd_yn`` decides whether orders are possible."""

    bass_dt: Day
    opnd_yn: Annotated[Word, Field(pattern=r"^[YN]$")]


def _levels(row: Any, name: str) -> list[dict[str, Any]]:
    """Return a side's levels; the first must be readable, and the first unreadable one after it ends the side."""
    pairs = [(f"{name}{depth}", f"{name}_rsqn{depth}") for depth in range(1, 11)]
    levels = [
        {field: row[key] for field, key in (("price", price), ("quantity", quantity)) if key in row}
        for price, quantity in pairs
    ]
    return [levels[0], *takewhile(_is_level, levels[1:])]


def _is_level(level: dict[str, Any]) -> bool:
    try:
        LevelRow.model_validate(level)
    except ValidationError:
        return False
    return True
