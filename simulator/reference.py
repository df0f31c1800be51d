"""Reference data: trading calendar and instrument data."""

from datetime import datetime, timedelta
from typing import Final

from simulator.krx.units import Market, Product, TradingFlag
from simulator.listings import Listing
from simulator.quotes import flags_of
from simulator.wire import Call, Fields, GatewayRefusalError, Reply, failure, padded, quotation

_HOLIDAY_DAYS: Final = 24
_BLANK_NAMES: Final = (
    *("lstg_cptl_amt", "cpta", "issu_pric", "scts_mket_lstg_abol_dt", "kosdaq_mket_lstg_abol_dt"),
    *("frbd_mket_lstg_dt", "frbd_mket_lstg_abol_dt", "oilf_fund_yn", "idx_bztp_lcls_cd", "idx_bztp_mcls_cd"),
    *("idx_bztp_scls_cd", "idx_bztp_lcls_cd_name", "idx_bztp_mcls_cd_name", "idx_bztp_scls_cd_name"),
    *("mfnd_opng_dt", "mfnd_end_dt", "dpsi_erlm_cncl_dt", "etf_cu_qty", "dpsi_aptm_erlm_yn", "nwst_odst_dvsn_cd"),
    *("thco_sbst_pric", "thco_sbst_pric_chng_dt", "std_idst_clsf_cd", "std_idst_clsf_cd_name", "ocr_no"),
    *("elec_scty_yn", "issu_istt_cd", "etf_chas_erng_rt_dbnb", "stln_int_rt_dvsn_cd", "frnr_psnl_lmt_rt"),
    *("lstg_rqsr_issu_istt_cd", "lstg_rqsr_item_cd", "trst_istt_issu_istt_cd"),
)
_GROUPS: Final = {None: "ST", Product.ETF: "EF", Product.ETN: "EN"}
_MARKET_CODES: Final = {Market.KOSPI: ("STK", "02"), Market.KOSDAQ: ("KSQ", "03")}


def chk_holiday(call: Call) -> Reply:
    """CTCA0903R: 24 calendar days from BASS_DT; ``opnd_yn`` shows whether orders are possible."""
    try:
        text = call.values.get("CTX_AREA_NK", "").strip() if call.tr_cont == "N" else ""
        first = datetime.strptime(text or call.values["BASS_DT"], "%Y%m%d").date()  # noqa: DTZ007
    except ValueError as error:
        raise GatewayRefusalError("OPSQ2001", "ERROR INVALID BASS_DT", status=200, rt_cd="2") from error
    days = [first + timedelta(days=ahead) for ahead in range(_HOLIDAY_DAYS)]
    rows = []
    for day in days:
        opened = "Y" if call.simulation.settings.calendar.session_on(day) else "N"
        rows.append(
            {
                "bass_dt": day.strftime("%Y%m%d"),
                "wday_dvsn_cd": f"{day.isoweekday() % 7 + 1:02d}",
                "bzdy_yn": opened,
                "tr_day_yn": opened,
                "opnd_yn": opened,
                "sttl_day_yn": opened,
            }
        )
    following = (days[-1] + timedelta(days=1)).strftime("%Y%m%d")
    reply = quotation(output=rows, ctx_area_nk=padded(following, 20), ctx_area_fk=padded(call.values["BASS_DT"], 20))
    return Reply(reply.body, tr_cont="M" if call.tr_cont == "N" else "F")


def search_info(call: Call) -> Reply:
    """CTPF1604R: the names of a product."""
    listing = _listing(call)
    if listing is None:
        return _no_product()
    output = _names(listing) | {
        "pdno": call.values["PDNO"],
        "prdt_type_cd": call.values["PRDT_TYPE_CD"],
        "shtn_pdno": listing.symbol,
        "prdt_sale_stat_cd": "",
        "prdt_risk_grad_cd": "",
        "prdt_clsf_cd": "101210",
        "prdt_clsf_name": "주권",
        "sale_strt_dt": "",
        "sale_end_dt": "",
        "wrap_asst_type_cd": "06",
        "ivst_prdt_type_cd": "0101",
        "ivst_prdt_type_cd_name": "보통주",
        "frst_erlm_dt": "",
    }
    return quotation(output=output)


def search_stock_info(call: Call) -> Reply:
    """CTPF1002R: market, group and status of a stock."""
    listing = _listing(call)
    if listing is None:
        return _no_product()
    seen = call.simulation.exchange.snapshot(listing.symbol, call.at)
    market, venue = _MARKET_CODES[listing.market]
    flags = flags_of(seen)
    output = (
        dict.fromkeys(_BLANK_NAMES, "")
        | _names(listing)
        | {
            "pdno": f"00000A{listing.symbol}",
            "prdt_type_cd": "300",
            "mket_id_cd": market,
            "scty_grp_id_cd": _GROUPS[listing.product],
            "excg_dvsn_cd": venue,
            "setl_mmdd": "1231",
            "lstg_stqt": str(listing.listed_shares),
            "papr": "500",
            "kospi200_item_yn": "Y" if listing.market is Market.KOSPI else "N",
            "scts_mket_lstg_dt": "20000104" if listing.market is Market.KOSPI else "",
            "kosdaq_mket_lstg_dt": "20000104" if listing.market is Market.KOSDAQ else "",
            "lstg_abol_dt": "",
            "tr_stop_yn": "Y" if TradingFlag.HALTED in flags else "N",
            "admn_item_yn": "Y" if TradingFlag.ADMINISTRATIVE in flags else "N",
            "thdt_clpr": str(seen.price),
            "bfdy_clpr": str(seen.base),
            "clpr_chng_dt": seen.session.date.strftime("%Y%m%d"),
            "etf_dvsn_cd": "0",
            "etf_type_cd": "",
            "etf_txtn_type_cd": "00",
            "etf_etn_ivst_heed_item_yn": "N",
            "reits_kind_cd": "",
            "stck_kind_cd": "101",
            "sbst_pric": str(seen.base * 7 // 10),
            "crfd_item_yn": "N",
            "cptt_trad_tr_psbl_yn": "Y" if seen.is_on_nxt else "N",
            "nxt_tr_stop_yn": "N",
        }
    )
    return quotation(output=output)


def _listing(call: Call) -> Listing | None:
    code = call.values["PDNO"].strip()
    return call.simulation.exchange.listing(code) or call.simulation.exchange.listing(code[-6:])


def _no_product() -> Reply:
    return failure("KIOK0560", "조회할 내용이 없습니다.", status=200, rt_cd="7")


def _names(listing: Listing) -> Fields:
    english = f"KRX {listing.symbol}"
    return {
        "prdt_name": listing.name,
        "prdt_name120": listing.name,
        "prdt_abrv_name": listing.name,
        "prdt_eng_name": english,
        "prdt_eng_name120": english,
        "prdt_eng_abrv_name": english,
        "std_pdno": listing.isin,
    }
