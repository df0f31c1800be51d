"""Names of accounts, workers, positions and order intents."""

import hmac
from enum import StrEnum
from hashlib import sha256
from typing import Final, NewType

AccountId = NewType("AccountId", str)
"""Our alias of a brokerage account, such as ``simulated-3f9a1c``; never the account number itself."""

WorkerId = NewType("WorkerId", str)
"""A trading worker's name within the fleet, such as ``worker-3``."""

IntentId = NewType("IntentId", str)
"""The idempotency key of an order: workflow run id and sequence number."""

PositionId = NewType("PositionId", str)
"""A position is named after the intent that opened it."""


_RECOVERY: Final = "recovery-"


def recovery_worker(symbol: str) -> WorkerId:
    """Return the worker for shares of a stock that no other worker is responsible for."""
    return WorkerId(f"{_RECOVERY}{symbol}")


def is_recovery(worker_id: WorkerId) -> bool:
    """Return whether a worker only sells recovered shares."""
    return worker_id.startswith(_RECOVERY)


ALL_WORKERS: Final = "all"
"""Names every worker in a command."""
LIVE_WORD: Final = "trade-real-money"
"""The confirmation of trading with real money, on the command line and in the settings."""


class Environment(StrEnum):
    """The environment: real money, the broker's mock service, or our own simulator."""

    LIVE = "live"
    PAPER = "paper"
    SIMULATED = "simulated"


SIMULATED_ACCOUNT: Final = "50000000-01"
"""The account of the embedded simulator when none is configured."""


def account_alias(environment: Environment, account_number: str, secret: bytes | None = None) -> AccountId:
    """Return the name under which an account appears in ids, tables and the Web UI.

    With ``secret`` the number cannot be found by trying all ten digits. Without it, the name is the fixed name of the
    simulated account, or the name that older databases have for a real one.
    """
    number = account_number.replace("-", "")
    if secret is None:
        digest = sha256(number.encode()).hexdigest()
    else:
        digest = hmac.new(secret, f"haru account alias\n{environment}\n{number}".encode(), sha256).hexdigest()
    return AccountId(f"{environment}-{digest[:6]}")
