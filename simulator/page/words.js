// Every word of the page in both languages. A test compares the keys.
export const WORDS = {
  "en": {
    "clock": "Clock", "pause": "Pause", "run": "Run", "speed": "Speed", "paused": "paused", "times-real": "× real time",
    "minute": "+1 min", "minutes": "+10 min", "jump": "Jump", "jump-to": "Jump to (KST)",
    "prices": "Prices", "search": "Search", "code": "Code", "name": "Name", "price": "Price", "change": "Change",
    "volume": "Volume", "stocks-found": "stocks", "book": "Order book", "asked": "Ask size", "bid": "Bid size",
    "force": "Price from now on", "set": "Set", "seeded": "Back to its own path", "halted": "Halted",
    "interrupted": "Volatility interruption", "thin": "Thin", "accounts": "Accounts", "account": "Account",
    "no-account": "No account has been used yet.", "cash": "Cash", "free": "free", "quantity": "Quantity", "cost": "Cost",
    "orders": "Orders", "time": "Time", "number": "Number", "side": "Side", "filled": "Filled", "remaining": "Open",
    "buy": "buy", "sell": "sell", "cancel": "cancel", "amend": "amend", "faults": "Faults", "kind": "Kind",
    "path": "Path contains", "count": "Times (0 = always)", "seconds": "Seconds", "inject": "Inject", "clear": "Clear all",
    "hits": "Hits", "not-served": "Asked for, but not served", "service": "Service", "times": "Times", "reply": "Reply",
    "none": "none", "token": "Control token", "use": "Use it", "wants-token": "This simulator wants its control token.",
    "lost": "The simulator does not answer. The page tries again.", "language": "한국어",
    "opening_auction": "opening auction", "continuous": "continuous trading",
    "closing_auction": "closing auction", "closed": "closed"
  },
  "ko": {
    "clock": "시계", "pause": "일시정지", "run": "실행", "speed": "배속", "paused": "정지됨", "times-real": "배속",
    "minute": "+1분", "minutes": "+10분", "jump": "이동", "jump-to": "이동할 시각(KST)",
    "prices": "시세", "search": "검색", "code": "종목코드", "name": "종목명", "price": "현재가", "change": "등락률",
    "volume": "거래량", "stocks-found": "종목", "book": "호가", "asked": "매도잔량", "bid": "매수잔량",
    "force": "지금부터 가격", "set": "적용", "seeded": "원래 시세로", "halted": "거래정지",
    "interrupted": "VI 발동", "thin": "잔량 적음", "accounts": "계좌", "account": "계좌번호",
    "no-account": "아직 사용한 계좌가 없습니다.", "cash": "예수금", "free": "주문가능", "quantity": "수량", "cost": "매입금액",
    "orders": "주문", "time": "시각", "number": "주문번호", "side": "구분", "filled": "체결", "remaining": "미체결",
    "buy": "매수", "sell": "매도", "cancel": "취소", "amend": "정정", "faults": "장애", "kind": "종류",
    "path": "경로에 포함", "count": "횟수(0은 계속)", "seconds": "초", "inject": "넣기", "clear": "모두 해제",
    "hits": "발생", "not-served": "제공하지 않는 요청", "service": "서비스", "times": "횟수", "reply": "응답",
    "none": "없음", "token": "제어 토큰", "use": "사용", "wants-token": "이 시뮬레이터는 제어 토큰이 필요합니다.",
    "lost": "시뮬레이터가 응답하지 않습니다. 다시 시도합니다.", "language": "English",
    "opening_auction": "시가 동시호가", "continuous": "정규장",
    "closing_auction": "종가 동시호가", "closed": "장 마감"
  }
};
