"""Start the parts that are not configured, in order, and stop them in reverse."""

import asyncio
import os
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, Self

from runtime.embedded.endpoints import Endpoints, remove_endpoints, write_endpoints
from runtime.embedded.errors import PartFailedError
from runtime.embedded.finding import Need, needs_of, with_configured_market
from runtime.embedded.folder import check_room, hold_folder
from runtime.embedded.market import keep_market
from runtime.embedded.ports import LOOPBACK, claim_port
from runtime.embedded.process import Launcher
from runtime.embedded.roles import start_books
from runtime.embedded.search_attributes import SearchAttributes
from runtime.embedded.simulator import start_simulator
from runtime.embedded.temporal import DevServer, start_temporal
from runtime.settings import Settings

_LOOK_INTERVAL: Final = 0.5


class EmbeddedParts:
    """Run the parts in `async with EmbeddedParts(settings) as parts:`; `parts.endpoints` has the addresses."""

    def __init__(self, settings: Settings, search_attributes: SearchAttributes = ()) -> None:
        self._settings = settings
        self._search_attributes = search_attributes
        self._stack = AsyncExitStack()
        self._launcher = Launcher(settings.data_dir, stack=self._stack)
        self.endpoints = Endpoints()
        self.migration_url: str | None = None
        """The embedded database as the owner of its tables; never published."""

    async def __aenter__(self) -> Self:
        try:
            if needs_of(self._settings):
                await self._start()
            else:
                self.endpoints = await with_configured_market(self._settings, Endpoints())
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    def guard_of(self, name: str) -> int | None:
        """Return the process id of a part's guard, None if the part is not embedded."""
        return next((process.pid for process in self._launcher.running if process.name == name), None)

    async def first_failure(self) -> PartFailedError:
        """Wait until a part has ended permanently, and return why. A part that dies is first restarted many times."""
        while True:
            for process in self._launcher.running:
                if failure := process.failure():
                    return failure
            await asyncio.sleep(_LOOK_INTERVAL)

    async def _start(self) -> None:
        needs = needs_of(self._settings)
        hold = await hold_folder(self._settings.data_dir)
        self._stack.callback(hold.release)
        check_room(hold.folder)
        self._launcher.kept_open = [hold.shared]
        remove_endpoints(hold.folder)
        endpoints = Endpoints(pid=os.getpid())
        if Need.DATABASE in needs:
            endpoints = await self._with_postgres(endpoints)
        if Need.TEMPORAL in needs:
            endpoints = await self._with_temporal(endpoints)
        if Need.SIMULATOR in needs:
            endpoints = await self._with_simulator(endpoints)
        else:
            endpoints = await with_configured_market(self._settings, endpoints)
        self._stack.callback(remove_endpoints, hold.folder)
        write_endpoints(hold.folder, endpoints)
        self.endpoints = endpoints

    async def _with_postgres(self, endpoints: Endpoints) -> Endpoints:
        port = claim_port(self._settings.ports.postgres, "HARU_PORTS__POSTGRES", "PostgreSQL")
        urls = await start_books(self._launcher, port)
        self.migration_url = urls.owner
        return replace(endpoints, database_url=urls.application)

    async def _with_temporal(self, endpoints: Endpoints) -> Endpoints:
        ports = self._settings.ports
        server = DevServer(
            port=claim_port(ports.temporal, "HARU_PORTS__TEMPORAL", "Temporal"),
            ui_port=claim_port(ports.temporal_ui, "HARU_PORTS__TEMPORAL_UI", "Temporal's Web UI"),
            namespace=self._settings.temporal.get("namespace", "default"),
            file=self._settings.data_dir.resolve() / "temporal.sqlite",
            search_attributes=self._search_attributes,
        )
        address = await start_temporal(self._launcher, server)
        return replace(endpoints, temporal_address=address, temporal_ui_url=f"http://{LOOPBACK}:{server.ui_port}")

    async def _with_simulator(self, endpoints: Endpoints) -> Endpoints:
        wanted = self._settings.simulator
        port = claim_port(self._settings.ports.simulator, "HARU_PORTS__SIMULATOR", "the simulator")
        now = datetime.now(tz=UTC)  # noqa: TID251 - creates the embedded clock's anchor
        overrides = self._settings.calendar.overrides()
        market = keep_market(self._settings.data_dir, wanted, overrides, now)
        url, token = await start_simulator(self._launcher, port, market, wanted, overrides)
        return replace(endpoints, simulator_url=url, control_token=token, market=market)
