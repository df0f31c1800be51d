"""Current prices and order books: inquire-price, intstock-multprice, inquire-asking-price-exp-ccn."""

from typing import Final

from simulator.exchange import Conditions, Exchange, Snapshot, second_of
from simulator.extremes import extremes_of
from simulator.krx.sessions import SessionPhase
from simulator.krx.units import Side, Symbol, TradingFlag
from simulator.liquidity import LEVELS, Level
from simulator.listings import Listing
from simulator.order_types import Board
from simulator.pauses import Pause
from simulator.simulation import Simulation
from simulator.trading_hours import open_board
from simulator.venues import Division, division_of
from simulator.wire import Call, Fields, Reply, kst_time, percent, quotation, sign

MOST_SYMBOLS: Final = 30
_BOARD_CODES: Final = {Board.POST_CLOSE: "31", Board.SINGLE_PRICE: "40"}
_ANY_STOCK: Final = Symbol("005930")
_STATUS_CODES: Final = (
    (TradingFlag.HALTED, "58"),
    (TradingFlag.ADMINISTRATIVE, "51"),
    (TradingFlag.WARNED, "53"),
    (TradingFlag.OVERHEATED, "59"),
)
_BLANK_RATES: Final = ("per", "pbr", "eps", "bps", "hts_frgn_ehrt", "vol_tnrt", "whol_loan_rmnd_rate", "apprch_rate")
_BLANK_COUNTS: Final = (
    "frgn_ntby_qty",
    "frgn_hldn_qty",
    "pgtr_ntby_qty",
    "last_ssts_cntg_qty",
    "pvt_scnd_dmrs_prc",
    "pvt_frst_dmrs_prc",
    "pvt_pont_val",
    "pvt_frst_dmsp_prc",
    "pvt_scnd_dmsp_prc",
    "dmrs_val",
    "dmsp_val",
    "stck_sspr",
    "cpfn",
)


def asked_stock(call: Call) -> Snapshot | None:
    """Return the stock that a call names on the venues it asks for, or None for a code that is unknown there."""
    exchange, symbol = call.simulation.exchange, call.values["FID_INPUT_ISCD"]
    if exchange.listing(symbol) is None:
        return None
    seen = exchange.snapshot(Symbol(symbol), call.at).on(division_of(call.values["FID_COND_MRKT_DIV_CODE"]))
    return None if seen.division is Division.NXT and not seen.is_on_nxt else seen


def asked_or_any_stock(call: Call) -> tuple[Snapshot, bool]:
    """Return the named stock and True; for an unknown code any stock and False: the caller blanks its fields."""
    seen = asked_stock(call)
    return (seen, True) if seen else (call.simulation.exchange.snapshot(_ANY_STOCK, call.at), False)


def inquire_price(call: Call) -> Reply:
    """FHKST01010100: all fields of one stock except its name. An unknown code shows price 0."""
    seen, known = asked_or_any_stock(call)
    output = _price_output(call.simulation.exchange, seen)
    return quotation(output=output if known else blanked(output))


def _price_output(exchange: Exchange, seen: Snapshot) -> Fields:
    output = price_fields(seen) | _volume_fields(exchange, seen) | status_fields(seen) | _issuer_fields(seen)
    output |= _yearly_fields(exchange, seen) | dict.fromkeys(_BLANK_RATES, "0.00") | dict.fromkeys(_BLANK_COUNTS, "0")
    return output


def blanked(fields: Fields) -> Fields:
    """Return the fields as KIS shows them for an unknown stock: numbers 0, texts blank."""
    return {name: "0" if value.lstrip("-").replace(".", "", 1).isdigit() else "" for name, value in fields.items()}


def flags_of(seen: Snapshot) -> frozenset[TradingFlag]:
    """Return a stock's own flags and those set by the control API."""
    return flags_in(seen.listing, seen.conditions, seen.pause)


def flags_in(listing: Listing, conditions: Conditions, pause: Pause | None) -> frozenset[TradingFlag]:
    """Return the flags of a stock under its present conditions."""
    flags = listing.flags | conditions.flags
    if conditions.halted or (pause and not pause.is_interruption):
        flags |= {TradingFlag.HALTED}
    if conditions.interrupted or (pause and pause.is_interruption):
        flags |= {TradingFlag.VOLATILITY_INTERRUPTION}
    return flags


def change_fields(seen: Snapshot) -> Fields:
    """Return the change against the base price: won, sign code and percent."""
    limits = seen.limits
    code = sign(seen.change, at_upper=seen.price >= limits.upper, at_lower=seen.price <= limits.lower)
    return {
        "prdy_vrss": str(seen.change),
        "prdy_vrss_sign": code,
        "prdy_ctrt": percent(seen.change, seen.base),
    }


def price_fields(seen: Snapshot) -> Fields:
    """Return the price group of inquire-price."""
    totals = seen.totals
    average = totals.turnover / totals.volume if totals.volume else 0
    return change_fields(seen) | {
        "stck_prpr": str(seen.price),
        "stck_oprc": str(totals.open_price),
        "stck_hgpr": str(totals.high_price),
        "stck_lwpr": str(totals.low_price),
        "stck_sdpr": str(seen.base),
        "stck_mxpr": str(seen.limits.upper),
        "stck_llam": str(seen.limits.lower),
        "rstc_wdth_prc": str(seen.base - seen.limits.lower),
        "wghn_avrg_stck_prc": f"{average:.2f}",
        "aspr_unit": str(seen.limits.grid.tick_at(seen.price)),
        "hts_deal_qty_unit_val": "1",
    }


def _volume_fields(exchange: Exchange, seen: Snapshot) -> Fields:
    previous = exchange.previous_day(seen.listing.symbol, seen.session)
    return {
        "acml_vol": str(seen.totals.volume),
        "acml_tr_pbmn": str(seen.totals.turnover),
        "prdy_vrss_vol_rate": percent(seen.totals.volume, previous.volume),
    }


def status_fields(seen: Snapshot) -> Fields:
    """Return a stock's status fields of inquire-price."""
    flags = flags_of(seen)
    status = next((code for flag, code in _STATUS_CODES if flag in flags), "55")

    def shown(flag: TradingFlag) -> str:
        return "Y" if flag in flags else "N"

    return {
        "iscd_stat_cls_code": status,
        "temp_stop_yn": shown(TradingFlag.HALTED),
        "vi_cls_code": shown(TradingFlag.VOLATILITY_INTERRUPTION),
        "ovtm_vi_cls_code": "N",
        "mrkt_warn_cls_code": "02" if TradingFlag.WARNED in flags else "00",
        "invt_caful_yn": "N",
        "short_over_yn": shown(TradingFlag.OVERHEATED),
        "sltr_yn": shown(TradingFlag.LIQUIDATION_TRADING),
        "mang_issu_cls_code": shown(TradingFlag.ADMINISTRATIVE),
        "marg_rate": "20.00" if status == "55" else "100.00",
        "crdt_able_yn": "Y" if status == "55" else "N",
        "ssts_yn": "Y",
        "new_hgpr_lwpr_cls_code": "",
        "oprc_rang_cont_yn": "N",
        "clpr_rang_cont_yn": "N",
        "grmn_rate_cls_code": "40",
        "elw_pblc_yn": "N",
    }


def _issuer_fields(seen: Snapshot) -> Fields:
    listing = seen.listing
    return {
        "stck_shrn_iscd": listing.symbol,
        "rprs_mrkt_kor_name": listing.board,
        "bstp_kor_isnm": "제조업",
        "lstn_stcn": str(listing.listed_shares),
        "hts_avls": str(listing.listed_shares * seen.price // 100_000_000),
        "stck_fcam": "500",
        "stac_month": "12",
        "fcam_cnnm": "500 원",
        "cpfn_cnnm": "0 억",
    }


def _yearly_fields(exchange: Exchange, seen: Snapshot) -> Fields:
    """Return the extremes of 250 sessions, of 52 weeks and of this year."""
    year = extremes_of(exchange, seen)
    this_year = extremes_of(exchange, seen, seen.session.date.replace(month=1, day=1))
    fields = {}
    for prefix, rate, found in (
        ("d250", "vrss_prpr_rate", year),
        ("w52", "vrss_prpr_ctrt", year),
        ("dryy", "vrss_prpr_rate", this_year),
    ):
        price_prefix = "stck_dryy" if prefix == "dryy" else prefix
        for name, price, day in (("hgpr", found.high, found.high_on), ("lwpr", found.low, found.low_on)):
            fields[f"{price_prefix}_{name}"] = str(price)
            fields[f"{prefix}_{name}_date"] = f"{day:%Y%m%d}"
            fields[f"{prefix}_{name}_{rate}"] = percent(seen.price - price, price)
    return fields


def intstock_multprice(call: Call) -> Reply:
    """FHKST11300006: up to 30 stocks. Unknown and halted ones show price 0."""
    asked = (
        (call.values.get(f"FID_INPUT_ISCD_{place}"), call.values.get(f"FID_COND_MRKT_DIV_CODE_{place}", ""))
        for place in range(1, MOST_SYMBOLS + 1)
    )
    return quotation(output=[_multi_row(call, symbol, division_of(code)) for symbol, code in asked if symbol])


def _multi_row(call: Call, symbol: str, division: Division) -> Fields:
    exchange = call.simulation.exchange
    if exchange.listing(symbol) is None:
        return blanked(_multi_row(call, _ANY_STOCK, division)) | {"inter_shrn_iscd": symbol}
    seen = exchange.snapshot(Symbol(symbol), call.at).on(division)
    asks, bids = book_of(call, seen)
    totals, change = seen.totals, change_fields(seen)
    return {
        "kospi_kosdaq_cls_name": seen.listing.market.value.upper(),
        "mrkt_trtm_cls_name": "정상",
        "hour_cls_code": "0",
        "inter_shrn_iscd": symbol,
        "inter_kor_isnm": seen.listing.name,
        "inter2_prpr": "0" if seen.conditions.halted else str(seen.price),
        "inter2_prdy_vrss": change["prdy_vrss"],
        "prdy_vrss_sign": change["prdy_vrss_sign"],
        "prdy_ctrt": change["prdy_ctrt"],
        "acml_vol": str(totals.volume),
        "acml_tr_pbmn": str(totals.turnover),
        "inter2_oprc": str(totals.open_price),
        "inter2_hgpr": str(totals.high_price),
        "inter2_lwpr": str(totals.low_price),
        "inter2_llam": str(seen.limits.lower),
        "inter2_mxpr": str(seen.limits.upper),
        "inter2_askp": str(asks[0].price if asks else 0),
        "inter2_bidp": str(bids[0].price if bids else 0),
        "seln_rsqn": str(asks[0].quantity if asks else 0),
        "shnu_rsqn": str(bids[0].quantity if bids else 0),
        "total_askp_rsqn": str(sum(level.quantity for level in asks)),
        "total_bidp_rsqn": str(sum(level.quantity for level in bids)),
        "inter2_prdy_clpr": str(seen.raw_close),
        "inter2_sdpr": str(seen.base),
        "oprc_vrss_hgpr_rate": percent(totals.high_price - totals.open_price, totals.open_price),
        "intr_antc_cntg_vrss": "0",
        "intr_antc_cntg_vrss_sign": "3",
        "intr_antc_cntg_prdy_ctrt": "0.00",
        "intr_antc_vol": "0",
    }


def book_of(call: Call, seen: Snapshot) -> tuple[list[Level], list[Level]]:
    """Return asks and bids, best first; empty while trading is closed."""
    return levels_of(call.simulation, seen)


def levels_of(simulation: Simulation, seen: Snapshot, most: int = LEVELS) -> tuple[list[Level], list[Level]]:
    """Return up to ``most`` asks and bids at a snapshot's moment."""
    board = open_board(seen.session, seen.at)
    closed = seen.phase is SessionPhase.CLOSED and board is not Board.AFTER_MARKET
    if closed or seen.conditions.halted:
        return [], []
    second = second_of(seen.session, seen.at)
    levels, symbol = simulation.engine.liquidity.levels, seen.listing.symbol
    asks = levels(symbol, Side.SELL, seen.session, second, most)
    bids = levels(symbol, Side.BUY, seen.session, second, most)
    if seen.division is Division.KRX:
        return asks, bids
    return _levels_on(seen.division, asks), _levels_on(seen.division, bids)


def _levels_on(division: Division, levels: list[Level]) -> list[Level]:
    return [Level(level.price, division.shares(level.quantity)) for level in levels]


def asking_price(call: Call) -> Reply:
    """FHKST01010200: ten levels per side and the expected match of an auction."""
    seen, known = asked_or_any_stock(call)
    asks, bids = book_of(call, seen)
    book, expected = _book_fields(call, seen, asks, bids), _expected_fields(call, seen)
    if not known:
        asked = {"stck_shrn_iscd": call.values["FID_INPUT_ISCD"]}
        return quotation(output1=blanked(book), output2=blanked(expected) | asked)
    return quotation(output1=book, output2=expected)


def _book_fields(call: Call, seen: Snapshot, asks: list[Level], bids: list[Level]) -> Fields:
    fields = {"aspr_acpt_hour": kst_time(call.at)}
    for name, levels in (("askp", asks), ("bidp", bids)):
        for place in range(10):
            level = levels[place] if place < len(levels) else None
            fields[f"{name}{place + 1}"] = str(level.price if level else 0)
            fields[f"{name}_rsqn{place + 1}"] = str(level.quantity if level else 0)
            fields[f"{name}_rsqn_icdc{place + 1}"] = "0"
        fields[f"total_{name}_rsqn"] = str(sum(level.quantity for level in levels))
        fields[f"total_{name}_rsqn_icdc"] = fields[f"ovtm_total_{name}_rsqn"] = fields[f"ovtm_total_{name}_icdc"] = "0"
    fields["ntby_aspr_rsqn"] = str(int(fields["total_bidp_rsqn"]) - int(fields["total_askp_rsqn"]))
    return fields | {"new_mkop_cls_code": market_code(seen)}


def expected_match(exchange: Exchange, seen: Snapshot) -> tuple[int, int]:
    """Return price (won) and shares of the expected auction match; else the last price and 0 shares."""
    path = exchange.path(seen.listing.symbol, seen.session)
    if seen.phase is SessionPhase.OPENING_AUCTION:
        return path.price_at(0), path.bar(0).volume
    if seen.phase is SessionPhase.CLOSING_AUCTION:
        return path.close_price, path.closing_volume
    if seen.pause:
        return path.price_at(seen.pause.end), path.auction_after_pause(seen.pause.end) or 0
    return seen.price, 0


def _expected_fields(call: Call, seen: Snapshot) -> Fields:
    expected, volume = expected_match(call.simulation.exchange, seen)
    codes = {SessionPhase.OPENING_AUCTION: "311", SessionPhase.CLOSING_AUCTION: "121"}
    prices = price_fields(seen)
    kept = {name: prices[name] for name in ("stck_prpr", "stck_oprc", "stck_hgpr", "stck_lwpr", "stck_sdpr")}
    return kept | {
        "antc_mkop_cls_code": codes.get(seen.phase, "112"),
        "antc_cnpr": str(expected),
        "antc_cntg_vrss_sign": sign(expected - seen.base),
        "antc_cntg_vrss": str(expected - seen.base),
        "antc_cntg_prdy_ctrt": percent(expected - seen.base, seen.base),
        "antc_vol": str(volume),
        "stck_shrn_iscd": seen.listing.symbol,
        "vi_cls_code": "Y" if TradingFlag.VOLATILITY_INTERRUPTION in flags_of(seen) else "N",
    }


def market_code(seen: Snapshot) -> str:
    """Return NEW_MKOP_CLS_CODE: 20 continuous trading, 00 auctions, 31 and 40 after hours, 30 closed."""
    if seen.phase is SessionPhase.CONTINUOUS:
        return "20"
    if seen.phase is not SessionPhase.CLOSED:
        return "00"
    board = open_board(seen.session, seen.at)
    return _BOARD_CODES.get(board, "30") if board else "30"
