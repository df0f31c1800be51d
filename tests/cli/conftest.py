"""A fleet for each test of the command line."""

from tests.support.running_fleet import database, fleet, hosted, webhook

__all__ = ["database", "fleet", "hosted", "webhook"]
