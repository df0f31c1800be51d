"""Faults of single rows: a field is odd, a row is added, or a list has an entry that is not a row."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from simulator.faults import ROW_FAULTS, FaultKind, FaultRule
from simulator.wire import Reply

_LISTS: Final = ("output", "output1", "output2")
_ETN: Final = "Q530031"
_FOREIGN_HOLDINGS: Final[tuple[Mapping[str, str], ...]] = (
    {"pdno": _ETN, "prdt_name": "삼성 인버스 2X", "hldg_qty": "", "ord_psbl_qty": "", "pchs_amt": ""},
    {"pdno": "US0378331005", "prdt_name": "애플", "hldg_qty": "3", "ord_psbl_qty": "3", "prpr": "312.4500"},
    {"pdno": "KR103502GD69", "prdt_name": "국고채권", "hldg_qty": "10000", "prpr": "", "pchs_avg_pric": ""},
    {"trad_dvsn_name": "유통융자", "loan_dt": "20261102", "loan_amt": "350000", "hldg_qty": "5", "ord_psbl_qty": "5"},
    {
        "pdno": "035720",
        "prdt_name": "카카오",
        "hldg_qty": "0.417300",
        "ord_psbl_qty": "0.417300",
        "pchs_amt": "20100.5",
    },
)
"""An ETN with blank numbers, a foreign share, a bond, shares on credit of a stock in the list, part of a share."""
_FOREIGN_ORDERS: Final[tuple[Mapping[str, str], ...]] = (
    {"pdno": _ETN, "odno": "0000099901", "orgn_odno": "", "rmn_qty": "", "psbl_qty": "", "tot_ccld_amt": ""},
    {"pdno": "US0378331005", "odno": "0000099902", "orgn_odno": "", "ord_unpr": "312.4500", "ord_qty": "3"},
    {"odno": "0000099903", "orgn_odno": "", "loan_dt": "20261102", "ord_qty": "5", "tot_ccld_qty": "5"},
    {"odno": "0000099904", "orgn_odno": "", "ord_qty": "0.4173", "tot_ccld_qty": "0.4173", "tot_ccld_amt": "20100.5"},
    {"pdno": "", "odno": "", "orgn_odno": "", "ord_qty": "", "ord_tmd": "", "sll_buy_dvsn_cd": ""},
)
"""The same kinds of orders: of a stock in the list those on credit and for part of a share; the last is blank."""


def with_odd_rows(faults: Sequence[FaultRule], reply: Reply) -> Reply:
    """Return the reply with the rows of its first list spoiled by the rules."""
    rules = [fault for fault in faults if fault.kind in ROW_FAULTS]
    key = next((key for key in _LISTS if isinstance(reply.body.get(key), list)), None)
    if not rules or key is None:
        return reply
    rows: list[Any] = list(reply.body[key])
    for rule in rules:
        rows = _spoiled(rows, rule)
    return replace(reply, body={**reply.body, key: rows})


def _spoiled(rows: list[Any], rule: FaultRule) -> list[Any]:
    if rule.kind is FaultKind.NO_ROW:
        return [*rows, rule.body or 7]
    if rule.kind is FaultKind.FOREIGN_ROWS:
        return _with_foreign(rows)
    known = [row for row in rows if isinstance(row, dict) and (not rule.row or rule.row in row.values())]
    if rule.kind is FaultKind.EXTRA_ROW:
        return [*rows, _changed(known[0] if known else {}, rule)]
    return [_changed(row, rule) if any(row is each for each in known) else row for row in rows]


def _with_foreign(rows: list[Any]) -> list[Any]:
    """Return the rows with foreign ones before and after them; they copy a row of the list, if there is one."""
    template = next((row for row in rows if isinstance(row, dict)), {})
    foreign = _FOREIGN_HOLDINGS if "hldg_qty" in template else _FOREIGN_ORDERS if "odno" in template else ()
    made = [{**template, **fields} for fields in foreign]
    return [*made[::2], *rows, *made[1::2]]


def _changed(row: dict[str, str], rule: FaultRule) -> dict[str, str]:
    changed = {**row, **rule.fields}
    return {name: value for name, value in changed.items() if value is not None}
