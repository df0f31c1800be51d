"""KRX and Nextrade (NXT): market divisions of queries, and how much of a stock's trades each venue has.

One price moves both venues. NXT trades a fixed part of what KRX trades, and its book is as much thinner; the combined
division adds both. NXT lists no ETFs and no stock with a status.
"""

from enum import StrEnum
from typing import Final

_OF_KRX: Final = 30
"""What NXT trades, in percent of KRX's volume."""


class Division(StrEnum):
    """FID_COND_MRKT_DIV_CODE of a stock's quotes."""

    KRX = "J"
    NXT = "NX"
    ALL = "UN"

    def shares(self, krx: int) -> int:
        """Return the shares, or won, of this division for so many at KRX."""
        on_nxt = krx * _OF_KRX // 100
        return {Division.KRX: krx, Division.NXT: on_nxt, Division.ALL: krx + on_nxt}[self]

    def at_krx(self, shares: int) -> int:
        """Return about the shares at KRX for so many of this division."""
        percent = {Division.KRX: 100, Division.NXT: _OF_KRX, Division.ALL: 100 + _OF_KRX}[self]
        return shares * 100 // percent


def division_of(code: str) -> Division:
    """Return the division that a query names; any other code is KRX's."""
    return Division(code) if code in tuple(Division) else Division.KRX
