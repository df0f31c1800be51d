"""Rows of an account that trades more than this client: foreign instruments, credit, fractions, blank numbers."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

_HOLDING_KEYS: Final = (
    *("pdno", "prdt_name", "trad_dvsn_name", "bfdy_buy_qty", "bfdy_sll_qty", "thdt_buyqty", "thdt_sll_qty"),
    *("hldg_qty", "ord_psbl_qty", "pchs_avg_pric", "pchs_amt", "prpr", "evlu_amt", "evlu_pfls_amt", "evlu_pfls_rt"),
    *("evlu_erng_rt", "loan_dt", "loan_amt", "stln_slng_chgs", "expd_dt", "fltt_rt", "bfdy_cprs_icdc"),
    *("item_mgna_rt_name", "grta_rt_name", "sbst_pric", "stck_loan_unpr"),
)
_ORDER_KEYS: Final = (
    *("ord_dt", "ord_gno_brno", "odno", "orgn_odno", "ord_dvsn_name", "ord_dvsn_cd", "sll_buy_dvsn_cd"),
    *("sll_buy_dvsn_cd_name", "pdno", "prdt_name", "ord_qty", "ord_unpr", "ord_tmd", "tot_ccld_qty", "tot_ccld_amt"),
    *("avg_prvs", "cncl_yn", "cnc_cfrm_qty", "rmn_qty", "rjct_qty", "loan_dt", "ordr_empno", "excg_dvsn_cd"),
    "psbl_qty",
)
_HOLDING: Final = {**dict.fromkeys(_HOLDING_KEYS, ""), "pdno": "005930", "trad_dvsn_name": "현금"}
_ORDER: Final = {**dict.fromkeys(_ORDER_KEYS, ""), "pdno": "005930", "sll_buy_dvsn_cd": "02"}

_ETN: Final = "Q530031"
_HOLDINGS: Final[Sequence[Mapping[str, str]]] = (
    {"pdno": _ETN, "prdt_name": "삼성 인버스 2X", "hldg_qty": "", "ord_psbl_qty": "", "pchs_amt": ""},
    {"pdno": "US0378331005", "prdt_name": "애플", "hldg_qty": "3", "ord_psbl_qty": "3", "prpr": "312.4500"},
    {"pdno": "KR103502GD69", "prdt_name": "국고채권", "hldg_qty": "10000", "prpr": "", "pchs_avg_pric": ""},
    {"trad_dvsn_name": "유통융자", "loan_dt": "20261102", "loan_amt": "350000", "hldg_qty": "5", "ord_psbl_qty": "5"},
    {"pdno": "035720", "prdt_name": "카카오", "hldg_qty": "0.4173", "ord_psbl_qty": "0.4173", "pchs_amt": "20100.5"},
)
"""An ETN with blank numbers, a foreign share, a bond, shares on credit of a stock in the list, part of a share."""
_ORDERS: Final[Sequence[Mapping[str, str]]] = tuple(
    {"orgn_odno": "", "ordr_empno": "", **fields}
    for fields in (
        {"pdno": _ETN, "odno": "0000099901", "rmn_qty": "", "psbl_qty": "", "tot_ccld_amt": ""},
        {"pdno": "US0378331005", "odno": "0000099902", "ord_unpr": "312.4500", "ord_qty": "3"},
        {"odno": "0000099903", "loan_dt": "20261102", "ord_qty": "5", "tot_ccld_qty": "5"},
        {"odno": "0000099904", "ord_qty": "0.4173", "tot_ccld_qty": "0.4173", "tot_ccld_amt": "20100.5"},
    )
)
"""The same kinds of orders, not sent by API: on credit and for part of a share of a stock in the list."""
_LISTS: Final[Mapping[str, tuple[Mapping[str, str], Sequence[Mapping[str, str]]]]] = {
    "inquire-balance": (_HOLDING, _HOLDINGS),
    "inquire-daily-ccld": (_ORDER, _ORDERS),
    "inquire-psbl-rvsecncl": (_ORDER, _ORDERS),
}
"""By the end of the path: the row that the foreign ones copy in an empty list, and the fields of each."""


def with_foreign(rows: list[Any], path: str) -> list[Any]:
    """Return the rows of a list with foreign ones and a blank one around them; they copy a row of it, if it has one."""
    blank, foreign = _LISTS.get(path.rpartition("/")[2], ({}, ()))
    template: Mapping[str, str] = next((row for row in rows if isinstance(row, dict)), blank)
    made = [*({**template, **fields} for fields in foreign), dict.fromkeys(template, "")]
    return [*made[::2], *rows, *made[1::2]]
