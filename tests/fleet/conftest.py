"""A fleet for each test of fleet queries and commands."""

from tests.support.running_fleet import database, fleet, hosted, webhook

__all__ = ["database", "fleet", "hosted", "webhook"]
