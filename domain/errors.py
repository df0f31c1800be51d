"""The errors of the trade, drawn by what has to be done about them.

TradingError
├── TryAgainError                 the same request may succeed later
│   ├── BrokerUnavailableError
│   ├── RateLimitedError
│   └── StreamLostError           prices and notices come by asking until there is a new session
│       └── StreamInUseError
├── StopTradingError              no further order may follow before somebody or something mends it
│   ├── StaleFencingTokenError
│   ├── BrokerProtocolError
│   ├── CredentialsRefusedError
│   └── EnvironmentMismatchError
├── BrokerRefusedError            the broker understood a query and said no
├── BooksRefusedError             our own ledger keeps what must be one from becoming two
│   ├── ActiveOrderExistsError
│   ├── LivePositionExistsError
│   ├── EntryDeniedError          (in domain.risk, with its verdict)
│   └── OversoldError
├── BadRulesError                 trading rules that cannot be traded by
└── InvalidTransitionError        a bug of ours
"""


class TradingError(Exception):
    """Anything that goes wrong in the trade itself."""


class TryAgainError(TradingError):
    """The same request may succeed later; nothing has happened yet."""


class BrokerUnavailableError(TryAgainError):
    """The broker could not be reached or answered with a passing fault."""


class RateLimitedError(TryAgainError):
    """The broker counted too many calls (EGW00201, EGW00215, EGW00133)."""


class StreamLostError(TryAgainError):
    """The real-time session is over, silent or not to be trusted; what it told meanwhile is lost."""


class StreamInUseError(StreamLostError):
    """Another session of the same app key is open (OPSP8996)."""


class StopTradingError(TradingError):
    """No further order may follow before this is mended."""


class StaleFencingTokenError(StopTradingError):
    """Somebody else holds the symbol's lease now."""


class BrokerProtocolError(StopTradingError):
    """The broker's reply does not have the shape that KIS documents."""


class CredentialsRefusedError(StopTradingError):
    """The broker does not accept our keys, our token or this host for them."""


class EnvironmentMismatchError(StopTradingError):
    """The database belongs to another environment (live, paper or simulated) or account."""


class BrokerRefusedError(TradingError):
    """The broker understood a query and refused it; ``code`` is its ``msg_cd``."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class BooksRefusedError(TradingError):
    """Our own ledger keeps what must be one from becoming two; nothing was written."""


class ActiveOrderExistsError(BooksRefusedError):
    """Another order of the account is active for this symbol and side."""


class LivePositionExistsError(BooksRefusedError):
    """The account already has a live position in this symbol, or the worker has one."""


class OversoldError(BooksRefusedError):
    """More would be sold than the position is proven to hold."""


class BadRulesError(TradingError):
    """Trading rules that cannot be traded by; the text names the field and the mend."""


class InvalidTransitionError(TradingError):
    """An order or position was asked for a step that its state does not have."""
