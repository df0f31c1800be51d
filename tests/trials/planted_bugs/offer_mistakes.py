"""Mistakes of shared scans, each planted by replacing a small part of the product."""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import timedelta

import activities.entries
from activities.watch.messages import Offer
from activities.watch.scans import ScanWatch
from activities.watch.waiting import Waiting
from domain.screening import Candidate
from tests.trials.planted_bugs.swapping import swapped


def offers_each_stock_to_every_worker() -> AbstractContextManager[None]:
    """All workers then try to lock the same stock; the lock still lets one of them buy."""

    def deal(self: ScanWatch, free: Sequence[Waiting], candidates: Sequence[Candidate]) -> list[asyncio.Task[None]]:
        now = self._parts.pace.now()
        return [self._offer(each, Offer(each.scan_id, now, tuple(candidates))) for each in free if candidates]

    return swapped(ScanWatch, "_deal", deal)


def trusts_an_offer_of_any_age() -> AbstractContextManager[None]:
    """Buys what a scan found long ago."""
    return swapped(activities.entries, "_OFFER_HOLDS", timedelta(days=1))
