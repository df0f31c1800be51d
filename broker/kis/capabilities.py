"""What each KIS service can do, as data: the paper service lacks several calls."""

from dataclasses import dataclass
from typing import Final

from domain.identity import Environment


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a service answers; without ``many_prices`` quotes come one by one and without best bid and ask."""

    many_prices: bool
    ranking: bool
    holidays: bool
    listed_exchanges: str
    """``EXCG_ID_DVSN_CD`` of the order list: orders routed by SOR or placed on NXT by hand must show too."""


_REAL: Final = Capabilities(many_prices=True, ranking=True, holidays=True, listed_exchanges="ALL")

CAPABILITIES: Final = {
    Environment.LIVE: _REAL,
    Environment.SIMULATED: _REAL,
    Environment.PAPER: Capabilities(many_prices=False, ranking=False, holidays=False, listed_exchanges="KRX"),
}
