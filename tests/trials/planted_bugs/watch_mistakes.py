"""Mistakes of the market watch, each planted by replacing a small part of the product."""

from contextlib import AbstractContextManager

from database.market_watches import MarketWatches
from tests.trials.planted_bugs.swapping import swapped


def watches_the_positions_of_every_shard() -> AbstractContextManager[None]:
    """Two shards then watch one symbol."""
    return swapped(MarketWatches, "_ROWS", MarketWatches._ROWS.replace("shard = $2", "$2 >= 0"))


def renews_no_lease() -> AbstractContextManager[None]:
    """Keeps the shard, so that it looks attended, and lets the leases of its positions end."""
    return swapped(MarketWatches, "_KEEP", MarketWatches._KEEP.replace("AND EXISTS (SELECT FROM shard)", "AND false"))
