"""Names of the things that trade: accounts, workers, positions and order intents."""

from enum import StrEnum
from typing import NewType

AccountId = NewType("AccountId", str)
"""Our alias of a brokerage account, such as ``simulated-3f9a1c``; never the account number itself."""

WorkerId = NewType("WorkerId", str)
"""A trading worker's name within the fleet, such as ``worker-3``."""

IntentId = NewType("IntentId", str)
"""The idempotency key of an order: workflow run id and sequence number."""

PositionId = NewType("PositionId", str)
"""A position is named after the intent that opened it."""


class Environment(StrEnum):
    """Whose money: real, the broker's mock service, or our own simulator."""

    LIVE = "live"
    PAPER = "paper"
    SIMULATED = "simulated"
