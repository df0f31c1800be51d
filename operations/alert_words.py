"""The words of alerts: what each kind of event is called, and the sentences around them."""

from collections.abc import Mapping
from typing import Final

from domain.event import EventLevel
from reporting.page import Language

LEVELS: Final[Mapping[Language, Mapping[EventLevel, str]]] = {
    "en": {level: level.value for level in EventLevel},
    "ko": {
        EventLevel.INFO: "알림",
        EventLevel.WARNING: "주의",
        EventLevel.ERROR: "오류",
        EventLevel.CRITICAL: "긴급",
    },
}


def _both(english: str, korean: str) -> Mapping[Language, str]:
    return {"en": english, "ko": korean}


KINDS: Final[Mapping[str, Mapping[Language, str]]] = {
    "access_refused": _both("the broker refuses our key or token", "증권사가 앱키 또는 토큰을 거부함"),
    "alert_test": _both("test of this channel", "채널 시험"),
    "calendar_disagreement": _both("calendars disagree, nothing is bought", "휴장일 정보 불일치, 매수 중지"),
    "carried_position_changed": _both("a carried position changed over night", "이월 종목 수량이 밤사이 바뀜"),
    "close_missed": _both("a session ended without its close", "장 마감 처리가 누락됨"),
    "database_was_away": _both("PostgreSQL was away", "PostgreSQL 연결이 끊겼다가 복구됨"),
    "day_summed_up": _both("the day's result", "오늘의 매매 결과"),
    "discrepancy_found": _both("the broker's books differ from ours", "증권사 잔고와 장부가 다름"),
    "entries_shut": _both("nothing more is bought today", "오늘 신규 매수 중지"),
    "entry_denied": _both("a buy was denied", "매수 거절"),
    "exit_denied": _both("a sale was not sent", "매도 주문을 보내지 않음"),
    "kill_switch_lifted": _both("kill switch lifted", "킬 스위치 해제"),
    "kill_switch_pressed": _both("kill switch pressed", "킬 스위치 작동"),
    "order_adopted": _both("a lost order was found and adopted", "응답을 잃은 주문을 찾아 이어받음"),
    "order_proven_absent": _both("a lost order was never placed", "응답을 잃은 주문은 접수되지 않았음"),
    "order_quarantined": _both("an order waits for a person", "주문 격리: 사람의 확인이 필요함"),
    "position_adopted": _both("a worker took over an orphaned position", "다른 워커가 보유 종목을 이어받음"),
    "position_carried_overnight": _both("a position is carried over night", "보유 종목이 다음 날로 이월됨"),
    "position_seized": _both("the close took over a position", "장 마감 처리가 보유 종목을 넘겨받음"),
    "stream_away": _both("no real-time stream; prices come by asking", "실시간 시세 끊김, 조회로 대신함"),
    "worker_brought_back": _both("a lost worker was brought back", "사라진 워커를 다시 시작함"),
}
SENTENCES: Final[Mapping[Language, Mapping[str, str]]] = {
    "en": {
        "more": "… and {number} more, see `starter.py status` and the log",
        "test": "Sent by `starter.py alert-test`. Nothing has happened.",
        "day": "{date}: {trades} trades, {wins} won, {losses} lost",
        "money": "net {net:+,} won (gross {gross:+,}, costs {costs:,})",
        "flat": "Flat: nothing is held.",
        "carried": "CARRIED OVER NIGHT: {names}",
    },
    "ko": {
        "more": "… 외 {number}건. `starter.py status`와 로그를 확인하세요",
        "test": "`starter.py alert-test`가 보낸 시험 알림입니다. 아무 일도 없었습니다.",
        "day": "{date}: 거래 {trades}건, 이익 {wins}건, 손실 {losses}건",
        "money": "순손익 {net:+,}원 (총손익 {gross:+,}원, 비용 {costs:,}원)",
        "flat": "보유 종목 없음.",
        "carried": "다음 날로 이월: {names}",
    },
}
