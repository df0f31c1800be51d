"""Days in several processes: each has a database of its own and plays one day after the other."""

import asyncio
import logging
import os
from urllib.parse import urlsplit, urlunsplit

import psycopg

from database.migrations import apply
from lab.runs import StuckError
from tests.trials.clockwork.town import Town, a_town
from tests.trials.closing_days.judge import Ending, Verdict, judged
from tests.trials.closing_days.plan import plan_of
from tests.trials.closing_days.playing import play


async def verdict_on(town: Town, seed: int) -> Verdict:
    """Play the day of a seed and judge it; a day that does not end is wrong."""
    try:
        return judged(await play(town, plan_of(seed)))
    except StuckError as stuck:
        return Verdict(seed, Ending.WRONG, 0, (), 0, (f"stuck: {stuck}",))


class Hand:
    """One process that plays days, each with empty books in a database of its own."""

    database_url = ""

    @classmethod
    def begin(cls, server_url: str) -> None:
        """Create the process's own database."""
        logging.basicConfig(handlers=[logging.NullHandler()])  # else log lines of refused orders fill the screen
        name = f"days_{os.getpid()}"
        with psycopg.connect(server_url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        cls.database_url = urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))
        apply(cls.database_url)

    @classmethod
    def play(cls, seed: int) -> Verdict:
        """Play one day."""
        return asyncio.run(_on(cls.database_url, seed))


async def _on(database_url: str, seed: int) -> Verdict:
    async with a_town(database_url) as town:
        return await verdict_on(town, seed)
