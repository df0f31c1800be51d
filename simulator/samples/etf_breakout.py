"""A bot of the tutorial kind: buys an ETF when it breaks out of yesterday's range, sells everything before the close.

It reads the machine's clock as such bots do: run it with TZ=Asia/Seoul, and at a fast market with a faked clock.
"""

import argparse
import json
import time
import urllib.request
from datetime import datetime
from datetime import time as clock_time
from typing import Any, Final

_QUOTATIONS: Final = "/uapi/domestic-stock/v1/quotations"
_TRADING: Final = "/uapi/domestic-stock/v1/trading"
_OPENS, _SELLS, _ENDS = clock_time(9), clock_time(15, 15), clock_time(15, 20)
_ACCOUNT: Final = {"CANO": "12345678", "ACNT_PRDT_CD": "01"}
_KEYS: Final = {"appkey": "PS" + "k" * 34, "appsecret": "s" * 180}
"""Invented: the simulator takes any, the real KIS takes none of these."""


class Kis:
    """The few calls that the bot needs."""

    def __init__(self, url: str) -> None:
        self._url = url
        body = {"grant_type": "client_credentials", **_KEYS}
        self._token = self._send(urllib.request.Request(f"{url}/oauth2/tokenP", json.dumps(body).encode()))  # noqa: S310

    def price(self, symbol: str) -> int:
        """Return the current price in won."""
        asked = f"FID_COND_MRKT_DIV_CODE=J&FID_INPUT_ISCD={symbol}"
        return int(self._get(f"{_QUOTATIONS}/inquire-price?{asked}", "FHKST01010100")["output"]["stck_prpr"])

    def target(self, symbol: str, k: float) -> float:
        """Return today's open plus a share of yesterday's range."""
        asked = f"FID_COND_MRKT_DIV_CODE=J&FID_INPUT_ISCD={symbol}&FID_PERIOD_DIV_CODE=D&FID_ORG_ADJ_PRC=1"
        today, yesterday = self._get(f"{_QUOTATIONS}/inquire-daily-price?{asked}", "FHKST01010400")["output"][:2]
        return int(today["stck_oprc"]) + (int(yesterday["stck_hgpr"]) - int(yesterday["stck_lwpr"])) * k

    def affordable(self, symbol: str) -> int:
        """Return how many shares the cash buys at the market."""
        asked = f"CANO={_ACCOUNT['CANO']}&ACNT_PRDT_CD={_ACCOUNT['ACNT_PRDT_CD']}&PDNO={symbol}&ORD_UNPR=0&ORD_DVSN=01"
        asked += "&CMA_EVLU_AMT_ICLD_YN=N&OVRS_ICLD_YN=N"
        return int(self._get(f"{_TRADING}/inquire-psbl-order?{asked}", "TTTC8908R")["output"]["nrcvb_buy_qty"])

    def held(self, symbol: str) -> int:
        """Return the shares that can be sold."""
        asked = f"CANO={_ACCOUNT['CANO']}&ACNT_PRDT_CD={_ACCOUNT['ACNT_PRDT_CD']}&AFHR_FLPR_YN=N&OFL_YN=&INQR_DVSN=02"
        asked += (
            "&UNPR_DVSN=01&FUND_STTL_ICLD_YN=N&FNCG_AMT_AUTO_RDPT_YN=N&PRCS_DVSN=00&CTX_AREA_FK100=&CTX_AREA_NK100="
        )
        rows = self._get(f"{_TRADING}/inquire-balance?{asked}", "TTTC8434R")["output1"]
        return sum(int(row["ord_psbl_qty"]) for row in rows if row["pdno"] == symbol)

    def order(self, tr_id: str, symbol: str, quantity: int) -> str:
        """Send a market order and return the reply's message."""
        body = _ACCOUNT | {"PDNO": symbol, "ORD_DVSN": "01", "ORD_QTY": str(quantity), "ORD_UNPR": "0"}
        reply = self._get(f"{_TRADING}/order-cash", tr_id, json.dumps(body).encode())
        return f"{reply['msg_cd']} {reply['msg1'].strip()}"

    def _get(self, path: str, tr_id: str, body: bytes | None = None) -> Any:
        token = f"Bearer {self._token['access_token']}"
        headers = _KEYS | {"authorization": token, "tr_id": tr_id, "custtype": "P", "content-type": "application/json"}
        return self._send(urllib.request.Request(self._url + path, body, headers))  # noqa: S310

    def _send(self, request: urllib.request.Request) -> Any:
        with urllib.request.urlopen(request) as reply:  # noqa: S310 - a faked clock would shorten a timeout
            return json.load(reply)


def run(kis: Kis, symbol: str, k: float) -> None:
    """Trade one day: one purchase at the breakout, one sale at 15:15."""
    while _now() < _OPENS:
        time.sleep(1)
    target, bought = kis.target(symbol, k), False
    _say(f"target {target:,.0f}")
    while _now() < _SELLS:
        price = kis.price(symbol)
        if not bought and price >= target:
            quantity = kis.affordable(symbol)
            _say(f"breakout at {price:,}: buy {quantity}: {kis.order('TTTC0012U', symbol, quantity)}")
            bought = True
        time.sleep(1)
    while _now() < _ENDS and (quantity := kis.held(symbol)):
        _say(f"sell {quantity}: {kis.order('TTTC0011U', symbol, quantity)}")
        time.sleep(5)
    _say("done")


def _now() -> clock_time:
    return datetime.now().time()  # noqa: DTZ005, TID251 - the clock of the machine, as in the tutorials


def _say(text: str) -> None:
    print(f"{_now():%H:%M:%S} {text}", flush=True)  # noqa: T201


def main() -> None:
    """Run the bot of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:9443", help="base URL (default %(default)s)")
    parser.add_argument("--symbol", default="122630", help="code of the ETF (default %(default)s)")
    parser.add_argument("--k", type=float, default=0.5, help="share of yesterday's range (default %(default)s)")
    asked = parser.parse_args()
    run(Kis(asked.url), asked.symbol, asked.k)


if __name__ == "__main__":
    main()
