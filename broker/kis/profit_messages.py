"""KIS's rows about realised profit and loss, with KIS's own names (docs/kis.md §4.8); amounts in won."""

from broker.kis.fields import Amount, Code, CountOrZero, Day, Message, Text, WholePartOrZero


class ProfitRow(Message):
    """One day of inquire-period-profit (TTTC8708R)."""

    trad_dt: Day
    buy_amt: CountOrZero
    sll_amt: CountOrZero
    rlzt_pfls: Amount
    fee: CountOrZero
    tl_tax: CountOrZero
    loan_int: CountOrZero


class StockProfitRow(ProfitRow):
    """One stock of a day of inquire-period-trade-profit (TTTC8715R)."""

    pdno: Code
    prdt_name: Text = ""
    buy_qty: WholePartOrZero
    sll_qty: WholePartOrZero


class ProfitTotals(Message):
    """``output2`` of inquire-balance-rlz-pl (TTTC8494R)."""

    rlzt_pfls: Amount
    evlu_pfls_smtl_amt: Amount
