"""Refusal reasons: one name per reason, with the codes of the real and the paper service."""

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class RefusalCodes:
    """``rt_cd`` and ``msg_cd`` on the real service, ``msg_cd`` on paper (its ``rt_cd`` is always 1), and ``msg1``."""

    real_return: str
    real: str
    paper: str
    message: str


class Refusal(Enum):
    """A business reason to refuse an order; always HTTP 200."""

    MARKET_NOT_OPEN_TODAY = RefusalCodes("7", "APBK0919", "40100000", "장운영일자가 주문일과 상이합니다.")
    BEFORE_OPEN = RefusalCodes("1", "APBK0918", "40570000", "장시작전입니다.")
    AFTER_CLOSE = RefusalCodes("1", "APBK0918", "40580000", "장종료 되었습니다.")
    UNKNOWN_SYMBOL = RefusalCodes("1", "APBK0656", "40070000", "해당종목정보가 없습니다.")
    HALTED = RefusalCodes("1", "APBK1058", "40070000", "거래정지 종목입니다. 주문이 불가합니다.")
    MARKET_HALTED = RefusalCodes("1", "APBK0918", "40580000", "매매거래가 중단되었습니다.(서킷브레이커)")
    ORDER_TYPE = RefusalCodes("1", "APBK1943", "40190000", "해당 주문구분은 주문할 수 없습니다.")
    NOT_ON_PAPER = RefusalCodes("1", "APBK1943", "90000000", "모의투자에서는 제공하지 않는 주문구분입니다.")
    NOT_TRADED_ON_PAPER = RefusalCodes("1", "APBK0656", "40070000", "모의투자 주문처리가 안되었습니다(매매불가 종목)")
    VENUE = RefusalCodes("1", "APBK3026", "90000000", "해당 거래소의 종목정보를 확인할 수 없습니다.")
    QUANTITY = RefusalCodes("1", "APBK0400", "40260000", "주문수량을 확인하십시오.")
    OFF_GRID = RefusalCodes("1", "APBK0506", "40030000", "호가단위 오류입니다.")
    OUTSIDE_LIMITS = RefusalCodes("1", "APBK0507", "40270000", "상하한가를 벗어난 주문가격입니다.")
    NO_OPPOSITE_SIDE = RefusalCodes("1", "APBK0512", "40030000", "최유리지정가 주문이 불가합니다. 호가가 없습니다.")
    NO_FUNDS = RefusalCodes("7", "APBK0952", "40250000", "주문가능금액을 초과 했습니다.")
    NO_HOLDING = RefusalCodes("1", "APBK0400", "40240000", "주문가능수량을 초과 했습니다.")
    AUCTION_LIMITS_ONLY = RefusalCodes(
        "1", "APBK3013", "90000000", "[단일가매매] 지정가 주문(신규/정정/취소) 및 최유리/최우선 취소 주문만 가능합니다"
    )
    EVENING_LIMITS_ONLY = RefusalCodes(
        "1", "APBK3013", "90000000", "[애프터마켓]지정가 및 최유리/최우선지정가 주문만 가능합니다."
    )
    NO_ORIGINAL = RefusalCodes("1", "APBK0344", "40330000", "원주문정보가 존재하지 않습니다.")
    NOTHING_TO_CHANGE = RefusalCodes("1", "APBK0344", "40330000", "정정/취소할 수량이 없습니다.")


class OrderRefusedError(Exception):
    """The exchange or the account refuses the order. Nothing has changed."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.name)
        self.refusal = refusal
