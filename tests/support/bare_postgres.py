"""The embedded PostgreSQL without the application's role, which most tests do not need."""

from collections.abc import Sequence

from runtime.embedded.postgres import DURABLE, prepared_cluster, run_server
from runtime.embedded.process import Launcher


async def start_postgres(launcher: Launcher, port: int, durability: Sequence[str] = DURABLE) -> str:
    """Start the server on its data, created at the first start; return the URL of our database for its owner."""
    cluster = await prepared_cluster(launcher)
    await run_server(launcher, cluster, port, durability)
    return cluster.url(port)
