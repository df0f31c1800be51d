"""KIS's rows about orders and the account, with KIS's own names (docs/kis.md §4)."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Self

from pydantic import BeforeValidator, Field, model_validator

from broker.kis.fields import (
    Amount,
    Branch,
    Code,
    Day,
    Message,
    OrderNumber,
    OriginalNumber,
    RoundedUp,
    Text,
    WholePart,
    WholePartOrZero,
    Word,
    has_fraction,
)

_LOAN_DATE: Final = re.compile("[0-9]{8}")
_ON_CREDIT: Final = ("융자", "대출", "대주", "신용")
"""Words of ``trad_dvsn_name`` for shares that were not paid in cash."""


def _six_digits(value: object) -> object:
    return value.strip().zfill(6) if isinstance(value, str) and value.strip() else value


def _text_or_blank(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


_Remark = Annotated[str, BeforeValidator(_text_or_blank)]
"""A field that no trading decision uses: no value of it makes a row unreadable."""


class OrderReply(Message):
    """The reply of order-cash and order-rvsecncl (TTTC0011U, TTTC0012U, TTTC0013U)."""

    krx_fwdg_ord_orgno: Branch
    odno: OrderNumber


class OrderRow(Message):
    """The common fields of both order lists, with cumulative fills; amounts in won."""

    ord_tmd: Annotated[str, BeforeValidator(_six_digits), Field(pattern=r"^[0-9]{6}$")]
    ord_gno_brno: Branch
    odno: OrderNumber
    orgn_odno: OriginalNumber = None
    ord_dvsn_cd: Text
    sll_buy_dvsn_cd: Annotated[Word, Field(pattern=r"^0[12]$")]
    pdno: Code
    ord_qty: WholePart
    ord_unpr: WholePartOrZero
    tot_ccld_qty: WholePartOrZero
    tot_ccld_amt: WholePartOrZero
    loan_dt: Text = ""
    in_fractions: bool = False

    @model_validator(mode="before")
    @classmethod
    def _notice_fractions(cls, row: Any) -> Any:
        """Record a quantity that is not a whole number: none of our orders has one."""
        return {**row, "in_fractions": _is_fraction(row.get("ord_qty")) or _is_fraction(row.get("tot_ccld_qty"))}

    @property
    def on_credit(self) -> bool:
        """Return whether the order has a loan date."""
        return is_loan(self.loan_dt)


class DayOrderRow(OrderRow):
    """One order of inquire-daily-ccld (TTTC0081R)."""

    ord_dt: Day
    tot_ccld_qty: WholePart
    tot_ccld_amt: WholePart
    rmn_qty: RoundedUp
    rjct_qty: WholePartOrZero
    ordr_empno: _Remark = ""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.tot_ccld_qty > self.ord_qty:
            raise ValueError("tot_ccld_qty is more than ord_qty")
        return self


class OpenOrderRow(OrderRow):
    """One order of inquire-psbl-rvsecncl (TTTC0084R), of today; ``psbl_qty`` of it can still be cancelled."""

    psbl_qty: WholePartOrZero


class OrderTotals(Message):
    """``output2`` of inquire-daily-ccld (TTTC0081R)."""

    tot_ord_qty: WholePartOrZero = 0
    tot_ccld_qty: WholePartOrZero = 0


class BuyingPowerRow(Message):
    """inquire-psbl-order (TTTC8908R): buying power without an unpaid margin, in won and shares; negative for a debt."""

    nrcvb_buy_amt: Amount
    nrcvb_buy_qty: Amount


class HoldingCode(Message):
    """The common fields of every holding of inquire-balance (TTTC8434R): its code, and how it was paid."""

    pdno: Code
    trad_dvsn_name: Text = ""
    loan_dt: Text = ""
    is_part: bool = False
    """Whether the row holds less than one share: no order of ours buys that, and it proves no stock sold out."""

    @model_validator(mode="before")
    @classmethod
    def _notice_part(cls, row: Any) -> Any:
        quantity = row.get("hldg_qty")
        return {**row, "is_part": _is_fraction(quantity) and 0 < float(quantity) < 1}

    @property
    def on_credit(self) -> bool:
        """Return whether the shares were bought with a loan: they are the owner's, and no cash order sells them."""
        return is_loan(self.loan_dt) or any(word in self.trad_dvsn_name for word in _ON_CREDIT)


class HoldingRow(HoldingCode):
    """One holding of inquire-balance (TTTC8434R); amounts in won, only the whole part of fractions."""

    prdt_name: Text = ""
    hldg_qty: WholePart
    ord_psbl_qty: WholePartOrZero
    pchs_amt: WholePartOrZero
    prpr: WholePartOrZero


class BalanceTotals(Message):
    """``output2`` of inquire-balance (TTTC8434R), repeated on each page; won. D+2 cash may be negative."""

    prvs_rcdl_excc_amt: Amount


class HoldingsValue(Message):
    """The total value of all holdings in inquire-balance (TTTC8434R), in won."""

    evlu_amt_smtl_amt: WholePartOrZero = 0


def is_loan(loan_date: str) -> bool:
    """Return whether ``loan_dt`` contains a date."""
    return bool(loan_date.strip("0"))


def is_never_ours(row: Mapping[str, Any]) -> bool:
    """Return whether an order row, readable or not, has a loan date or a fraction of a share: none of ours has."""
    loan = row.get("loan_dt")
    if isinstance(loan, str) and _LOAN_DATE.fullmatch(loan.strip()) and is_loan(loan.strip()):
        return True
    return _is_fraction(row.get("ord_qty"))


def _is_fraction(value: object) -> bool:
    """Return whether a value is a number with a fractional part; what is no number is refused under its field."""
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        return False
    try:
        return has_fraction(value)
    except ValueError:
        return False
