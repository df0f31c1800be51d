"""Requests that several activities take. A new field needs a default: an earlier build may have sent the request."""

from dataclasses import dataclass

from domain.identity import AccountId
from domain.session import SessionDate


@dataclass(frozen=True, slots=True)
class SessionRequest:
    """Account and KST date of a session."""

    account_id: AccountId
    session_date: SessionDate
