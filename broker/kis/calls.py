"""Every KIS call we make: its path and its TR id on the real and the paper service."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from domain.errors import BrokerRefusedError
from domain.identity import Environment
from domain.market import Side

TOKEN_PATH: Final = "/oauth2/tokenP"  # noqa: S105 - a path, not a password
APPROVAL_PATH: Final = "/oauth2/Approval"
_QUOTATIONS: Final = "/uapi/domestic-stock/v1/quotations/"
_TRADING: Final = "/uapi/domestic-stock/v1/trading/"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A path with its TR ids; ``paper`` is None if KIS's mock service has no such call."""

    path: str
    live: str
    paper: str | None


class Call(Enum):
    """The calls. The TR id alone determines an order's side."""

    PRICE = Endpoint(_QUOTATIONS + "inquire-price", "FHKST01010100", "FHKST01010100")
    ORDER_BOOK = Endpoint(_QUOTATIONS + "inquire-asking-price-exp-ccn", "FHKST01010200", "FHKST01010200")
    DAILY_BARS = Endpoint(_QUOTATIONS + "inquire-daily-itemchartprice", "FHKST03010100", "FHKST03010100")
    PAST_MINUTES = Endpoint(_QUOTATIONS + "inquire-time-dailychartprice", "FHKST03010230", "FHKST03010230")
    PRICES = Endpoint(_QUOTATIONS + "intstock-multprice", "FHKST11300006", None)
    VOLUME_RANK = Endpoint(_QUOTATIONS + "volume-rank", "FHPST01710000", None)
    INDEX = Endpoint(_QUOTATIONS + "inquire-index-price", "FHPUP02100000", None)
    HOLIDAY = Endpoint(_QUOTATIONS + "chk-holiday", "CTCA0903R", None)
    SELL = Endpoint(_TRADING + "order-cash", "TTTC0011U", "VTTC0011U")
    BUY = Endpoint(_TRADING + "order-cash", "TTTC0012U", "VTTC0012U")
    CANCEL = Endpoint(_TRADING + "order-rvsecncl", "TTTC0013U", "VTTC0013U")
    BUYING_POWER = Endpoint(_TRADING + "inquire-psbl-order", "TTTC8908R", "VTTC8908R")
    BALANCE = Endpoint(_TRADING + "inquire-balance", "TTTC8434R", "VTTC8434R")
    OPEN_ORDERS = Endpoint(_TRADING + "inquire-psbl-rvsecncl", "TTTC0084R", None)
    PROFIT_BY_DAY = Endpoint(_TRADING + "inquire-period-profit", "TTTC8708R", None)
    PROFIT_BY_STOCK = Endpoint(_TRADING + "inquire-period-trade-profit", "TTTC8715R", None)
    PROFIT_TODAY = Endpoint(_TRADING + "inquire-balance-rlz-pl", "TTTC8494R", None)
    ORDER_LIST = Endpoint(_TRADING + "inquire-daily-ccld", "TTTC0081R", "VTTC0081R")

    @property
    def path(self) -> str:
        """Return the path below the host."""
        return self.value.path

    @property
    def label(self) -> str:
        """Return the last part of the path, the name in KIS's documents."""
        return self.path.rsplit("/", 1)[-1]

    def tr_id(self, environment: Environment) -> str:
        """Return the TR id; the simulator uses the real service's.

        Raises:
            BrokerRefusedError: the paper service does not have this call.
        """
        tr_id = self.value.paper if environment is Environment.PAPER else self.value.live
        if tr_id is None:
            raise BrokerRefusedError("NOT_ON_PAPER", f"{self.label} does not exist on the paper service")
        return tr_id


ORDER_CALLS: Final = {Side.BUY: Call.BUY, Side.SELL: Call.SELL}
