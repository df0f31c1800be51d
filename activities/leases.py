"""A lease that its holder keeps while it acts."""

from typing import TYPE_CHECKING

from domain.errors import StaleFencingTokenError
from domain.lock import Lease

if TYPE_CHECKING:
    from database.locks import Locks


async def renew(locks: "Locks", lease: Lease) -> None:
    """Let the lease last its full time again.

    Raises:
        StaleFencingTokenError: another worker has the symbol now.
    """
    if await locks.renew(lease) is None:
        raise StaleFencingTokenError(f"{lease.symbol} is held by another worker now")
