"""A fleet for each test of what can be asked of one."""

from tests.support.running_fleet import database, fleet, hosted, webhook

__all__ = ["database", "fleet", "hosted", "webhook"]
