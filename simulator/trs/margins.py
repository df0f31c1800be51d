"""TTTC0869R: an account's money for orders, by margin rate and by currency; only its won is ever more than zero."""

from typing import Final

from simulator.wire import Call, Reply, ledger

_CURRENCIES: Final = ("usd", "hkd", "jpy", "cny")
_RATES: Final = (20, 30, 40, 50, 60, 100)
_LOANS: Final = ("fncg45", "fncg50", "fncg60", "fncg70", "stln")
_NOTHING: Final = (
    "stck_sbst_objt_amt stck_evlu_objt_amt stck_ruse_psbl_objt_amt stck_fund_rpch_chgs_objt_amt "
    "stck_fncg_rdpt_objt_atm bond_ruse_psbl_objt_amt stck_sbst_use_amt stck_evlu_use_amt stck_ruse_psbl_amt_use_amt "
    "stck_fund_rpch_chgs_use_amt stck_fncg_rdpt_amt_use_amt bond_ruse_psbl_amt_use_amt stck_sbst_ord_psbl_amt "
    "stck_evlu_ord_psbl_amt stck_ruse_psbl_ord_psbl_amt stck_fund_rpch_ord_psbl_amt bond_ruse_psbl_ord_psbl_amt "
    "rcvb_amt stck_loan_grta_ruse_psbl_amt bond_max_ord_psbl_amt lmt_amt bond_itgr_ord_psbl_amt "
    "stck_cash_ovrs_use_amt stck_sbst_ovrs_use_amt stck_evlu_ovrs_use_amt stck_re_use_amt_ovrs_use_amt "
    "stck_fund_rpch_ovrs_use_amt stck_fncg_rdpt_ovrs_use_amt bond_re_use_ovrs_use_amt hgkg_cny_re_use_amt"
)
_FOREIGN: Final = (
    *("objt_amt", "use_amt", "ord_psbl_amt", "ruse_objt_amt", "ruse_amt", "ruse_ord_psbl_amt", "gnrl_ord_psbl_amt"),
    *("itgr_ord_psbl_amt", "oth_mket_use_amt", "re_use_oth_mket_use_amt", "frst_bltn_exrt"),
)


def margins(call: Call) -> Reply:
    """Answer with the account's cash, what open orders hold of it, and what is left to order with."""
    account = call.simulation.engine.account(call.account)
    free, held = account.free_cash, account.cash - account.free_cash
    output = {
        "acmga_rt": "100.00",
        "acmga_pct100_aptm_rson": "",
        "ovrs_stck_itgr_mgna_dvsn_name": "",
        "stck_cash_objt_amt": str(account.cash),
        "stck_cash_use_amt": str(held),
        "stck_cash_ord_psbl_amt": str(free),
        "stck_rsip100_max_ord_psbl_amt": str(free),
        "stck_itgr_100_ord_psbl_amt": str(free),
        **dict.fromkeys(_NOTHING.split(), "0"),
        **{f"stck_cash{rate}_max_ord_psbl_amt": str(free * 100 // rate) for rate in _RATES},
        **{f"stck_itgr_cash{rate}_ord_psbl_amt": str(free * 100 // rate) for rate in _RATES},
        **{f"stck_{loan}_max_ord_psbl_amt": "0" for loan in _LOANS},
        **{f"stck_itgr_{loan}_ord_psbl_amt": "0" for loan in _LOANS},
        **{f"{currency}_{name}": "0" for currency in _CURRENCIES for name in _FOREIGN},
    }
    return ledger("KIOK0510", "조회가 완료되었습니다.", {"output": output})
