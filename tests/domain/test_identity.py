"""The alias of an account, the lanes of the budget and events: small value types with one guarantee each."""

from itertools import pairwise

from domain.event import Event, EventLevel
from domain.event_kind import EventKind
from domain.identity import SIMULATED_ACCOUNT, Environment, account_alias
from domain.lane import Lane
from tests.support.builders import ACCOUNT, NOW


def test_an_account_alias_names_the_environment_and_hides_the_number() -> None:
    alias = account_alias(Environment.SIMULATED, SIMULATED_ACCOUNT)

    assert alias.startswith("simulated-")
    assert "50000000" not in alias


def test_the_same_account_has_the_same_alias_however_it_is_written() -> None:
    assert account_alias(Environment.PAPER, "50000000-01") == account_alias(Environment.PAPER, "5000000001")


def test_another_account_or_environment_has_another_alias() -> None:
    aliases = {
        account_alias(Environment.PAPER, "50000000-01"),
        account_alias(Environment.PAPER, "50000000-02"),
        account_alias(Environment.LIVE, "50000000-01"),
    }

    assert len(aliases) == 3


def test_a_sale_is_the_most_urgent_request_and_a_scan_the_least() -> None:
    lanes = [Lane.EXIT, Lane.RESOLVE, Lane.ENTRY, Lane.WATCH, Lane.SCAN]

    assert all(first < second for first, second in pairwise(lanes))


def test_an_event_without_a_key_may_be_reported_twice() -> None:
    event = Event(ACCOUNT, EventKind.ORDER_ADOPTED, EventLevel.INFO, NOW)

    assert (event.key, event.detail) == ("", {})
