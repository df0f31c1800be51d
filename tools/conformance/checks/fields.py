"""The field names of section 3 and 4 as the portal lists them."""

from typing import Final


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _levels(*names: str) -> tuple[str, ...]:
    return tuple(f"{name}{level}" for name in names for level in range(1, 11))


PRICE_FIELDS: Final = _names("""
    stck_prpr prdy_vrss prdy_vrss_sign prdy_ctrt stck_oprc stck_hgpr stck_lwpr stck_sdpr stck_mxpr stck_llam
    wghn_avrg_stck_prc rstc_wdth_prc acml_vol acml_tr_pbmn prdy_vrss_vol_rate vol_tnrt aspr_unit
    hts_deal_qty_unit_val marg_rate crdt_able_yn ssts_yn iscd_stat_cls_code temp_stop_yn vi_cls_code
    ovtm_vi_cls_code mrkt_warn_cls_code invt_caful_yn short_over_yn sltr_yn mang_issu_cls_code stck_shrn_iscd
    rprs_mrkt_kor_name bstp_kor_isnm lstn_stcn hts_avls cpfn stck_fcam per pbr eps bps stac_month
    d250_hgpr d250_hgpr_date d250_hgpr_vrss_prpr_rate d250_lwpr d250_lwpr_date d250_lwpr_vrss_prpr_rate
    stck_dryy_hgpr dryy_hgpr_date dryy_hgpr_vrss_prpr_rate stck_dryy_lwpr dryy_lwpr_date dryy_lwpr_vrss_prpr_rate
    w52_hgpr w52_hgpr_date w52_hgpr_vrss_prpr_ctrt w52_lwpr w52_lwpr_date w52_lwpr_vrss_prpr_ctrt
    new_hgpr_lwpr_cls_code oprc_rang_cont_yn clpr_rang_cont_yn grmn_rate_cls_code elw_pblc_yn hts_frgn_ehrt
    frgn_ntby_qty frgn_hldn_qty pgtr_ntby_qty pvt_scnd_dmrs_prc pvt_frst_dmrs_prc pvt_pont_val pvt_frst_dmsp_prc
    pvt_scnd_dmsp_prc dmrs_val dmsp_val stck_sspr whol_loan_rmnd_rate fcam_cnnm cpfn_cnnm apprch_rate
    last_ssts_cntg_qty
""")
BOOK_FIELDS: Final = (
    *("aspr_acpt_hour", "total_askp_rsqn", "total_bidp_rsqn", "total_askp_rsqn_icdc", "total_bidp_rsqn_icdc"),
    *("ovtm_total_askp_rsqn", "ovtm_total_bidp_rsqn", "ovtm_total_askp_icdc", "ovtm_total_bidp_icdc"),
    *("ntby_aspr_rsqn", "new_mkop_cls_code"),
    *_levels("askp", "bidp", "askp_rsqn", "bidp_rsqn", "askp_rsqn_icdc", "bidp_rsqn_icdc"),
)
EXPECTED_FIELDS: Final = _names("""
    antc_mkop_cls_code stck_prpr stck_oprc stck_hgpr stck_lwpr stck_sdpr antc_cnpr antc_cntg_vrss_sign
    antc_cntg_vrss antc_cntg_prdy_ctrt antc_vol stck_shrn_iscd vi_cls_code
""")
TRADE_FIELDS: Final = _names("stck_cntg_hour stck_prpr prdy_vrss prdy_vrss_sign cntg_vol tday_rltv prdy_ctrt")
MULTI_FIELDS: Final = _names("""
    kospi_kosdaq_cls_name mrkt_trtm_cls_name hour_cls_code inter_shrn_iscd inter_kor_isnm inter2_prpr
    inter2_prdy_vrss prdy_vrss_sign prdy_ctrt acml_vol inter2_oprc inter2_hgpr inter2_lwpr inter2_llam
    inter2_mxpr inter2_askp inter2_bidp seln_rsqn shnu_rsqn total_askp_rsqn total_bidp_rsqn acml_tr_pbmn
    inter2_prdy_clpr oprc_vrss_hgpr_rate intr_antc_cntg_vrss intr_antc_cntg_vrss_sign intr_antc_cntg_prdy_ctrt
    intr_antc_vol inter2_sdpr
""")
MINUTE_HEAD_FIELDS: Final = _names("""
    prdy_vrss prdy_vrss_sign prdy_ctrt stck_prdy_clpr acml_vol acml_tr_pbmn hts_kor_isnm stck_prpr
""")
MINUTE_FIELDS: Final = _names("""
    stck_bsop_date stck_cntg_hour stck_prpr stck_oprc stck_hgpr stck_lwpr cntg_vol acml_tr_pbmn
""")
DAILY_HEAD_FIELDS: Final = _names("""
    prdy_vrss prdy_vrss_sign prdy_ctrt stck_prdy_clpr acml_vol acml_tr_pbmn hts_kor_isnm stck_prpr
    stck_shrn_iscd prdy_vol stck_mxpr stck_llam stck_oprc stck_hgpr stck_lwpr stck_prdy_oprc stck_prdy_hgpr
    stck_prdy_lwpr askp bidp prdy_vrss_vol vol_tnrt stck_fcam lstn_stcn cpfn hts_avls per eps pbr
    itewhol_loan_rmnd_ratem
""")
DAILY_FIELDS: Final = _names("""
    stck_bsop_date stck_clpr stck_oprc stck_hgpr stck_lwpr acml_vol acml_tr_pbmn flng_cls_code prtt_rate
    mod_yn prdy_vrss_sign prdy_vrss revl_issu_reas
""")
DAILY_PRICE_FIELDS: Final = _names("""
    stck_bsop_date stck_oprc stck_hgpr stck_lwpr stck_clpr acml_vol prdy_vrss_vol_rate prdy_vrss prdy_vrss_sign
    prdy_ctrt hts_frgn_ehrt frgn_ntby_qty flng_cls_code acml_prtt_rate
""")
VOLUME_RANK_FIELDS: Final = _names("""
    hts_kor_isnm mksc_shrn_iscd data_rank stck_prpr prdy_vrss_sign prdy_vrss prdy_ctrt acml_vol prdy_vol
    lstn_stcn avrg_vol n_befr_clpr_vrss_prpr_rate vol_inrt vol_tnrt nday_vol_tnrt avrg_tr_pbmn tr_pbmn_tnrt
    nday_tr_pbmn_tnrt acml_tr_pbmn
""")
FLUCTUATION_FIELDS: Final = _names("""
    stck_shrn_iscd data_rank hts_kor_isnm stck_prpr prdy_vrss prdy_vrss_sign prdy_ctrt acml_vol stck_hgpr
    hgpr_hour acml_hgpr_date stck_lwpr lwpr_hour acml_lwpr_date lwpr_vrss_prpr_rate
    dsgt_date_clpr_vrss_prpr_rate cnnt_ascn_dynu hgpr_vrss_prpr_rate cnnt_down_dynu oprc_vrss_prpr_sign
    oprc_vrss_prpr oprc_vrss_prpr_rate prd_rsfl prd_rsfl_rate
""")
HOLIDAY_FIELDS: Final = _names("bass_dt wday_dvsn_cd bzdy_yn tr_day_yn opnd_yn sttl_day_yn")
PRODUCT_FIELDS: Final = _names("""
    pdno prdt_type_cd prdt_name prdt_name120 prdt_abrv_name prdt_eng_name prdt_eng_name120 prdt_eng_abrv_name
    std_pdno shtn_pdno prdt_sale_stat_cd prdt_risk_grad_cd prdt_clsf_cd prdt_clsf_name sale_strt_dt sale_end_dt
    wrap_asst_type_cd ivst_prdt_type_cd ivst_prdt_type_cd_name frst_erlm_dt
""")
STOCK_INFO_FIELDS: Final = _names("""
    pdno prdt_name prdt_abrv_name prdt_eng_name std_pdno mket_id_cd scty_grp_id_cd excg_dvsn_cd lstg_stqt papr
    kospi200_item_yn scts_mket_lstg_dt kosdaq_mket_lstg_dt lstg_abol_dt tr_stop_yn admn_item_yn thdt_clpr
    bfdy_clpr clpr_chng_dt etf_dvsn_cd reits_kind_cd stck_kind_cd cptt_trad_tr_psbl_yn nxt_tr_stop_yn
""")
POWER_FIELDS: Final = _names("""
    ord_psbl_cash ord_psbl_sbst ruse_psbl_amt fund_rpch_chgs psbl_qty_calc_unpr nrcvb_buy_amt nrcvb_buy_qty
    max_buy_amt max_buy_qty cma_evlu_amt ovrs_re_use_amt_wcrc ord_psbl_frcr_amt_wcrc
""")
SELLABLE_FIELDS: Final = _names("""
    pdno prdt_name buy_qty sll_qty cblc_qty nsvg_qty ord_psbl_qty pchs_avg_pric pchs_amt now_pric evlu_amt
    evlu_pfls_amt evlu_pfls_rt
""")
HOLDING_FIELDS: Final = _names("""
    pdno prdt_name trad_dvsn_name bfdy_buy_qty bfdy_sll_qty thdt_buyqty thdt_sll_qty hldg_qty ord_psbl_qty
    pchs_avg_pric pchs_amt prpr evlu_amt evlu_pfls_amt evlu_pfls_rt evlu_erng_rt loan_dt loan_amt
    stln_slng_chgs expd_dt fltt_rt bfdy_cprs_icdc item_mgna_rt_name grta_rt_name sbst_pric stck_loan_unpr
""")
CASH_FIELDS: Final = _names("""
    dnca_tot_amt nxdy_excc_amt prvs_rcdl_excc_amt cma_evlu_amt bfdy_buy_amt thdt_buy_amt nxdy_auto_rdpt_amt
    bfdy_sll_amt thdt_sll_amt d2_auto_rdpt_amt bfdy_tlex_amt thdt_tlex_amt tot_loan_amt scts_evlu_amt
    tot_evlu_amt nass_amt fncg_gld_auto_rdpt_yn pchs_amt_smtl_amt evlu_amt_smtl_amt evlu_pfls_smtl_amt
    tot_stln_slng_chgs bfdy_tot_asst_evlu_amt asst_icdc_amt asst_icdc_erng_rt
""")
ORDER_FIELDS: Final = _names("""
    ord_dt ord_gno_brno odno orgn_odno ord_dvsn_name ord_dvsn_cd sll_buy_dvsn_cd sll_buy_dvsn_cd_name pdno
    prdt_name prdt_type_cd ord_qty ord_unpr ord_tmd tot_ccld_qty tot_ccld_amt avg_prvs cncl_yn rmn_qty
    rjct_qty ccld_cndt_name loan_dt rsvn_ord_end_dt ordr_empno inqr_ip_addr ctac_tlno infm_tmd excg_dvsn_cd
    ord_orgno cpbc_ordp_ord_rcit_dvsn_cd cpbc_ordp_infm_mthd_dvsn_cd cpbc_ordp_mtrl_dvsn_cd
""")
ORDER_TOTAL_FIELDS: Final = _names("tot_ord_qty tot_ccld_qty tot_ccld_amt prsm_tlex_smtl pchs_avg_pric")
OPEN_ORDER_FIELDS: Final = _names("""
    ord_gno_brno odno orgn_odno ord_dvsn_name pdno prdt_name rvse_cncl_dvsn_name ord_qty ord_unpr ord_tmd
    tot_ccld_qty tot_ccld_amt psbl_qty sll_buy_dvsn_cd ord_dvsn_cd mgco_aptm_odno excg_dvsn_cd
    excg_id_dvsn_cd excg_id_dvsn_name stpm_cndt_pric stpm_efct_occr_yn
""")
