"""The errors of trading, grouped by the action they require.

TradingError
├── TryAgainError                 the same request may succeed later
│   ├── BrokerUnavailableError
│   ├── RateLimitedError
│   └── StreamLostError           prices and notices come from polling until there is a new session
│       └── StreamInUseError
├── StopTradingError              no further order may follow before this is fixed
│   ├── StaleFencingTokenError
│   ├── BrokerProtocolError
│   ├── CredentialsRefusedError
│   └── EnvironmentMismatchError
├── BrokerRefusedError            the broker understood a query and refused it
├── BooksRefusedError             the ledger refused a duplicate or a contradiction
│   ├── ActiveOrderExistsError
│   ├── LivePositionExistsError
│   ├── EntryDeniedError          (in domain.risk, with its verdict)
│   └── OversoldError
├── OvertakenError                a later attempt acts; this one must end
├── BadRulesError                 trading rules that are not valid
└── InvalidTransitionError        a bug in Haru
"""


def with_remedy(cause: str, remedy: str) -> str:
    """Add the usual remedy to a cause, unless it names its own after a semicolon."""
    return cause if "; " in cause else f"{cause}; {remedy}"


class TradingError(Exception):
    """Base class of all errors in trading."""


class TryAgainError(TradingError):
    """The same request may succeed later; it has had no effect yet."""


class BrokerUnavailableError(TryAgainError):
    """The broker could not be reached or answered with a temporary fault."""


class RateLimitedError(TryAgainError):
    """The broker counted too many calls (EGW00201, EGW00215, EGW00133)."""


class StreamLostError(TryAgainError):
    """The real-time session has ended, is silent or unreliable; its news meanwhile is lost."""


class StreamInUseError(StreamLostError):
    """Another session of the same app key is open (OPSP8996)."""


class StopTradingError(TradingError):
    """No further order may follow before this is fixed."""


class StaleFencingTokenError(StopTradingError):
    """Another worker holds the symbol's lease now."""


class BrokerProtocolError(StopTradingError):
    """The broker's reply does not have the shape that KIS documents."""


class CredentialsRefusedError(StopTradingError):
    """The broker refuses our keys, our token or this host."""


class EnvironmentMismatchError(StopTradingError):
    """The database belongs to another environment (live, paper or simulated) or account."""


class BrokerRefusedError(TradingError):
    """The broker understood a query and refused it; ``code`` is its ``msg_cd``."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class BooksRefusedError(TradingError):
    """The ledger refused a duplicate or a contradiction; nothing was written."""


class ActiveOrderExistsError(BooksRefusedError):
    """Another order of the account is active for this symbol and side."""


class LivePositionExistsError(BooksRefusedError):
    """The account already has a live position in this symbol, or the worker has one."""


class OversoldError(BooksRefusedError):
    """A sale exceeds the shares that the position is proven to hold."""


class OvertakenError(TradingError):
    """A later attempt of the same step has begun; nothing that this one decides counts any more."""

    def __init__(self, intent_id: str) -> None:
        super().__init__(f"a later attempt of {intent_id} has begun")


class BadRulesError(TradingError):
    """Trading rules are not valid; the text names the field and the fix."""


class InvalidTransitionError(TradingError):
    """An order or position does not allow the step in its current state."""
