"""The lease on a symbol as its holder knows it."""

from datetime import timedelta

from domain.lock import LEASE_DURATION
from tests.builders import NOW, a_lease


def test_a_lease_lives_until_it_expires() -> None:
    lease = a_lease(expires_at=NOW + LEASE_DURATION)

    assert lease.is_live_at(NOW + LEASE_DURATION - timedelta(microseconds=1))
    assert not lease.is_live_at(NOW + LEASE_DURATION)
