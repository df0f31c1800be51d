"""A simulator on real sockets and a minimal WebSocket client, for tests."""

import asyncio
import json
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self

import httpx
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7
from websockets.asyncio.client import ClientConnection, connect

from simulator.callers import Callers
from simulator.server import Door, listen, server_of
from simulator.simulation import Simulation
from tests.simulator.market_day import KEY, PREFIX, SECRET, a_simulation

FIELDS = {"H0STCNT0": 47, "H0UNCNT0": 47, "H0STASP0": 63, "H0STANC0": 45, "H0STMKO0": 11} | {
    "H0NXCNT0": 47,
    "H0UNASP0": 66,
    "H0NXASP0": 62,
    "H0UNANC0": 46,
    "H0NXANC0": 46,
    "H0UNMKO0": 11,
    "H0NXMKO0": 11,
    "H0STPGM0": 11,
    "H0UNPGM0": 11,
    "H0NXPGM0": 11,
    "H0STMBC0": 78,
    "H0UNMBC0": 78,
    "H0NXMBC0": 78,
    "H0UPCNT0": 30,
    "H0UPANC0": 30,
}
SOON = 2.0
_ANY_PROGRAM = Callers()


class Venue:
    """A running simulator: its simulation, its ports, and REST calls to them."""

    def __init__(self, simulation: Simulation, doors: list[Door]) -> None:
        self.simulation = simulation
        self.doors = doors
        self.http = httpx.AsyncClient(trust_env=False)

    def url(self, scheme: str = "http", *, paper: bool = False) -> str:
        port = next(door.port for door in self.doors if door.is_paper == paper)
        return f"{scheme}://127.0.0.1:{port}"

    async def approval(self, key: str = KEY, *, paper: bool = False) -> str:
        body = {"grant_type": "client_credentials", "appkey": key, "secretkey": SECRET}
        reply = await self.http.post(f"{self.url(paper=paper)}/oauth2/Approval", json=body)
        return str(reply.json()["approval_key"])

    async def headers(self, key: str = KEY, *, paper: bool = False) -> dict[str, str]:
        body = {"grant_type": "client_credentials", "appkey": key, "appsecret": SECRET}
        reply = await self.http.post(f"{self.url(paper=paper)}/oauth2/tokenP", json=body)
        return {
            "authorization": f"Bearer {reply.json()['access_token']}",
            "appkey": key,
            "appsecret": SECRET,
        }

    async def post(self, path: str, tr_id: str, body: dict[str, str], key: str = KEY, *, paper: bool = False) -> Any:
        headers = await self.headers(key, paper=paper) | {"tr_id": tr_id}
        return (await self.http.post(self.url(paper=paper) + PREFIX + path, json=body, headers=headers)).json()

    async def get(self, path: str, tr_id: str, values: dict[str, str], key: str = KEY, *, paper: bool = False) -> Any:
        headers = await self.headers(key, paper=paper) | {"tr_id": tr_id}
        return (await self.http.get(self.url(paper=paper) + PREFIX + path, params=values, headers=headers)).json()

    async def control(self, path: str, body: object) -> Any:
        return (await self.http.post(f"{self.url()}/control{path}", json=body)).json()


@asynccontextmanager
async def a_venue(
    at: str = "2026-11-23 09:30:00", callers: Callers = _ANY_PROGRAM, **settings: Any
) -> AsyncIterator[Venue]:
    """Run a simulator with a real and a paper port. Time stands still unless a clock is given."""
    quick: dict[str, Any] = {"token_interval": 0, "approval_interval": 0, "paper_rate_limit": 0, "listings": 2}
    simulation = a_simulation(at, **(quick | settings))
    doors = [Door(listen("127.0.0.1", 0)), Door(listen("127.0.0.1", 0), is_paper=True)]
    server = server_of(simulation, doors, callers)
    running = asyncio.create_task(server.serve([door.listening for door in doors]))
    venue = Venue(simulation, doors)
    try:
        while not server.started:
            await asyncio.sleep(0.01)
        yield venue
    finally:
        await venue.http.aclose()
        server.should_exit = True
        await running


class Listener:
    """A client of KIS's stream: registers, reads frames, decrypts notices."""

    def __init__(self, socket: ClientConnection, approval: str) -> None:
        self.socket = socket
        self.approval = approval
        self.keys = {"key": "", "iv": ""}

    async def asks(self, tr_id: str, tr_key: str, tr_type: str = "1", **header: Any) -> Any:
        """Send a registration and return the reply's header and body merged."""
        head = {"approval_key": self.approval, "custtype": "P", "tr_type": tr_type, "content-type": "utf-8"} | header
        await self.socket.send(json.dumps({"header": head, "body": {"input": {"tr_id": tr_id, "tr_key": tr_key}}}))
        return await self.reply()

    async def reply(self) -> Any:
        while not (text := await self.text()).startswith("{"):
            pass
        message = json.loads(text)
        body = message.get("body", {})
        self.keys = body.get("output", self.keys)
        return message["header"] | body

    async def text(self, within: float = SOON) -> str:
        return str(await asyncio.wait_for(self.socket.recv(), within))

    async def records(self, tr_id: str) -> list[list[str]]:
        """Return the records of the next market frame of a TR id."""
        while True:
            head, name, count, payload = (await self.text()).split("|", 3)
            if name == tr_id:
                assert head == "0"
                fields = payload.split("^")
                size = len(fields) // int(count)
                return [fields[start : start + size] for start in range(0, len(fields), size)]

    async def notice(self) -> list[str]:
        """Return the fields of the next order notice."""
        while True:
            head, name, _, payload = (await self.text()).split("|", 3)
            if name.startswith("H0STCNI"):
                assert head == "1"
                return self.decrypted(payload).split("^")

    def decrypted(self, payload: str) -> str:
        cipher = Cipher(algorithms.AES(self.keys["key"].encode()), modes.CBC(self.keys["iv"].encode())).decryptor()
        unpadder = PKCS7(128).unpadder()
        padded = cipher.update(b64decode(payload)) + cipher.finalize()
        return (unpadder.update(padded) + unpadder.finalize()).decode()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.socket.close()


async def a_listener(venue: Venue, path: str = "/tryitout", key: str = KEY, *, paper: bool = False) -> Listener:
    """Connect with an approval key of an app key."""
    approval = await venue.approval(key, paper=paper)
    socket = await connect(venue.url("ws", paper=paper) + path, ping_interval=None, proxy=None)
    return Listener(socket, approval)
