"""Which column of a foreign file holds which of our fields: guessed by its name, or said with ``--map``."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from history.errors import HistoryError

PRICES: Final = ("open", "high", "low", "close")
FIELDS: Final = (
    *("symbol", "date", "time", "datetime", "minute", *PRICES, "volume", "value", "base", "change"),
    *("name", "market", "kind"),
)
"""Our fields. ``minute`` counts from midnight KST, ``base`` is the previous close, ``change`` the difference to it."""

_SYNONYMS: Final[Mapping[str, Sequence[str]]] = {
    "symbol": (
        *("symbol", "code", "ticker", "stock", "stockcode", "shortcode", "isin", "isucd", "isusrtcd", "srtncd"),
        *("종목코드", "단축코드", "표준코드", "코드", "stckshrniscd", "mkscshrniscd", "pdno"),
    ),
    "date": (
        *("date", "day", "tradedate", "tradingday", "basdt", "basdd", "trddd", "stckbsopdate"),
        *("일자", "날짜", "거래일", "거래일자", "영업일자", "기준일자", "년월일"),
    ),
    "time": ("time", "tradetime", "hhmm", "hhmmss", "stckcntghour", "시간", "시각", "체결시각", "거래시간"),
    "datetime": (
        *(
            "datetime",
            "timestamp",
            "dt",
            "ts",
            "opentime",
            "bartime",
            "datetimekst",
            "indexlevel0",
            "datetimeutc",
            "일시",
            "체결시간",
        ),
        *("거래일시", "체결일시"),
    ),
    "minute": ("minute", "minuteofday"),
    "open": ("open", "o", "openprice", "openpric", "tddopnprc", "mkp", "stckoprc", "시가"),
    "high": ("high", "h", "highprice", "highpric", "tddhgprc", "hipr", "stckhgpr", "고가"),
    "low": ("low", "l", "lowprice", "lowpric", "tddlwprc", "lopr", "stcklwpr", "저가"),
    "close": (
        *("close", "c", "closeprice", "last", "lastprice", "curprc", "tddclsprc", "clpr", "stckclpr", "stckprpr"),
        *("종가", "현재가"),
    ),
    "volume": ("volume", "vol", "v", "qty", "acctrdvol", "trqu", "cntgvol", "acmlvol", "거래량", "체결량"),
    "value": ("value", "amount", "turnover", "quotevolume", "acctrdval", "trprc", "acmltrpbmn", "거래대금"),
    "base": ("base", "baseprice", "prevclose", "previousclose", "stcksdpr", "기준가", "전일종가"),
    "change": ("cmpprevddprc", "prdyvrss", "대비", "전일대비"),
    "name": ("name", "stockname", "isunm", "isuabbrv", "itmsnm", "htskorisnm", "종목명"),
    "market": ("market", "mktnm", "mrktctg", "rprsmrktkorname", "시장", "시장구분"),
    "kind": ("kind", "secugrp", "instrumenttype", "종류", "증권구분"),
}
_FIELD_OF: Final = {name: field for field, names in _SYNONYMS.items() for name in names}
_ADJUSTED: Final = re.compile("adj|수정")


@dataclass(frozen=True, slots=True)
class Columns:
    """The column (as the file names it) of each field that was found, and the columns that nothing uses."""

    of: Mapping[str, str]
    unused: tuple[str, ...]

    @property
    def adjusted(self) -> tuple[str, ...]:
        """Return the price columns whose names say that their prices are adjusted."""
        return tuple(self.of[field] for field in PRICES if _ADJUSTED.search(self.of[field].lower()))


def read_mapping(pairs: Iterable[str]) -> dict[str, str]:
    """Read ``COLUMN=FIELD`` pairs into a dictionary of column to field.

    Raises:
        HistoryError: a pair has no ``=`` or names an unknown field.
    """
    mapping = {}
    for pair in pairs:
        column, equals, field = pair.rpartition("=")
        if not equals or not column or field not in FIELDS:
            raise HistoryError(f"--map {pair}: write COLUMN=FIELD, with a field of {', '.join(FIELDS)}")
        mapping[column] = field
    return mapping


def match_columns(names: Sequence[str], said: Mapping[str, str]) -> Columns:
    """Find the column of each field. ``said`` (column to field) takes precedence; of two guesses the first counts.

    Raises:
        HistoryError: prices or volume have no column.
    """
    found: dict[str, str] = {field: column for column, field in said.items() if column in names}
    for name in names:
        field = _FIELD_OF.get(_plain(name))
        if field and name not in said and field not in found:
            found[field] = name
    if "time" in found and "date" not in found and "datetime" not in found:
        found["datetime"] = found.pop("time")  # many tools call the whole instant time
    if "date" in found and "datetime" in found:
        found["time"] = found.get("time", found.pop("datetime"))
    missing = [field for field in (*PRICES, "volume") if field not in found]
    if missing:
        shown = ", ".join(names)
        example = " ".join(f"--map COLUMN={field}" for field in missing[:2])
        raise HistoryError(f"no column for {', '.join(missing)} among {shown}; name it: {example}")
    used = set(found.values())
    return Columns(found, tuple(name for name in names if name not in used))


def _plain(name: str) -> str:
    without_units = re.sub(r"[(\[].*?[)\]]", "", name)
    return re.sub(r"[\s_\-./]", "", without_units).lower().removeprefix("adj").removeprefix("수정")
