"""A fleet for each test of the page."""

from tests.support.running_fleet import database, fleet, hosted

__all__ = ["database", "fleet", "hosted"]
