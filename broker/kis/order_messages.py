"""KIS's rows about orders and the account, under KIS's own names (kis-openapi §4)."""

from typing import Annotated, Self

from pydantic import BeforeValidator, Field, model_validator

from broker.kis.fields import (
    Amount,
    Branch,
    Code,
    Count,
    CountOrZero,
    Day,
    Message,
    OrderNumber,
    OriginalNumber,
    Text,
    Word,
)


def _six_digits(value: object) -> object:
    return value.strip().zfill(6) if isinstance(value, str) and value.strip() else value


class OrderReply(Message):
    """What order-cash and order-rvsecncl answer (TTTC0011U, TTTC0012U, TTTC0013U)."""

    krx_fwdg_ord_orgno: Branch
    odno: OrderNumber


class OrderRow(Message):
    """What both lists of orders tell of one, with cumulative fills; amounts in won."""

    ord_tmd: Annotated[str, BeforeValidator(_six_digits), Field(pattern=r"^[0-9]{6}$")]
    ord_gno_brno: Branch
    odno: OrderNumber
    orgn_odno: OriginalNumber = None
    ord_dvsn_cd: Text
    sll_buy_dvsn_cd: Annotated[Word, Field(pattern=r"^0[12]$")]
    pdno: Code
    ord_qty: Count
    ord_unpr: CountOrZero
    tot_ccld_qty: CountOrZero
    tot_ccld_amt: CountOrZero


class DayOrderRow(OrderRow):
    """One order of inquire-daily-ccld (TTTC0081R)."""

    ord_dt: Day
    tot_ccld_qty: Count
    tot_ccld_amt: Count
    rmn_qty: Count
    rjct_qty: CountOrZero

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.tot_ccld_qty > self.ord_qty:
            raise ValueError("tot_ccld_qty is more than ord_qty")
        return self


class OpenOrderRow(OrderRow):
    """One order of inquire-psbl-rvsecncl (TTTC0084R): of today, and ``psbl_qty`` of it can still be cancelled."""

    psbl_qty: CountOrZero


class OrderTotals(Message):
    """``output2`` of inquire-daily-ccld (TTTC0081R)."""

    tot_ord_qty: CountOrZero = 0
    tot_ccld_qty: CountOrZero = 0


class BuyingPowerRow(Message):
    """inquire-psbl-order (TTTC8908R): what may be bought without an unpaid margin, in won and shares."""

    nrcvb_buy_amt: Amount
    nrcvb_buy_qty: Count


class HoldingRow(Message):
    """One holding of inquire-balance (TTTC8434R); amounts in won."""

    pdno: Code
    prdt_name: Text = ""
    trad_dvsn_name: Text = ""
    loan_dt: Text = ""
    hldg_qty: Count
    ord_psbl_qty: CountOrZero
    pchs_amt: CountOrZero
    prpr: CountOrZero


class BalanceTotals(Message):
    """``output2`` of inquire-balance (TTTC8434R), repeated on each page; won. D+2 cash may be owed."""

    prvs_rcdl_excc_amt: Amount
    evlu_amt_smtl_amt: CountOrZero = 0
