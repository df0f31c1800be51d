"""Overseas lists, which some clients request. All are empty: this broker trades Korean stocks only."""

from typing import Final

from simulator.wire import Call, Fields, Reply, ledger, padded

_KEY_WIDTH: Final = 200
_BALANCE_AMOUNTS: Final = (
    *("pchs_amt_smtl", "evlu_amt_smtl", "evlu_pfls_amt_smtl", "dncl_amt", "cma_evlu_amt", "tot_dncl_amt"),
    *("etc_mgna", "wdrw_psbl_tot_amt", "frcr_evlu_tota", "evlu_erng_rt1", "pchs_amt_smtl_amt"),
    *("evlu_amt_smtl_amt", "tot_evlu_pfls_amt", "tot_asst_amt", "buy_mgn_amt", "mgna_tota", "frcr_use_psbl_amt"),
    *("ustl_sll_amt_smtl", "ustl_buy_amt_smtl", "tot_frcr_cblc_smtl", "tot_loan_amt"),
)
_HOLDING_AMOUNTS: Final = (
    *("frcr_pchs_amt1", "ovrs_rlzt_pfls_amt", "ovrs_tot_pfls", "rlzt_erng_rt", "tot_evlu_pfls_amt", "tot_pftrt"),
    *("frcr_buy_amt_smtl1", "ovrs_rlzt_pfls_amt2", "frcr_buy_amt_smtl2"),
)


def overseas_orders(_: Call) -> Reply:
    """TTTS3035R, TTTS3018R: no overseas orders or fills."""
    return ledger("KIOK0560", "조회할 내용이 없습니다.", {"output": [], **_keys()}, "D")


def overseas_holdings(_: Call) -> Reply:
    """TTTS3012R: no overseas holdings."""
    output = {"output1": [], "output2": dict.fromkeys(_HOLDING_AMOUNTS, "0.00"), **_keys()}
    return ledger("KIOK0560", "조회할 내용이 없습니다.", output, "D")


def overseas_present_balance(_: Call) -> Reply:
    """CTRP6504R: no overseas holdings and no foreign currency."""
    output = {"output1": [], "output2": [], "output3": dict.fromkeys(_BALANCE_AMOUNTS, "0")}
    return ledger("KIOK0560", "조회할 내용이 없습니다.", output)


def _keys() -> Fields:
    return {"ctx_area_fk200": padded("", _KEY_WIDTH), "ctx_area_nk200": padded("", _KEY_WIDTH)}
