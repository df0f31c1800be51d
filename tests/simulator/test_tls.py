"""TLS for bots with KIS's own addresses: the authority, its limits, and REST and stream over it."""

import ssl
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect

from simulator.__main__ import main
from simulator.certificates import KIS_HOSTS, BadAuthorityError, Trust, how_to_trust, prepared
from tests.simulator.test_process import running


def shaken(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> None:
    """Let two contexts shake hands in memory; raise the client's error."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    theirs = server.wrap_bio(to_server, to_client, server_side=True)
    ours = client.wrap_bio(to_client, to_server, server_hostname=name)
    for _ in range(3):
        for side in (ours, theirs):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue


@pytest.fixture
def trust(tmp_path: Path) -> Trust:
    return prepared(tmp_path / "tls")


@pytest.mark.parametrize("name", [*KIS_HOSTS, "localhost", "127.0.0.1", "::1"])
def test_a_client_that_trusts_the_authority_accepts_kis_names_and_loopback(trust: Trust, name: str) -> None:
    shaken(trust.context, ssl.create_default_context(cafile=trust.bundle), name)


def test_other_names_and_other_authorities_are_refused(trust: Trust, tmp_path: Path) -> None:
    other = prepared(tmp_path / "other")

    with pytest.raises(ssl.SSLCertVerificationError, match=r"attacker\.example"):
        shaken(trust.context, ssl.create_default_context(cafile=trust.bundle), "attacker.example")
    with pytest.raises(ssl.SSLCertVerificationError):
        shaken(other.context, ssl.create_default_context(cafile=trust.bundle), "localhost")


def test_a_stolen_authority_can_sign_for_no_other_site(trust: Trust, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulator.certificates._check_names", lambda *_: None)
    forged = prepared(trust.authority.parent, ["bank.example"])

    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree violation"):
        shaken(forged.context, ssl.create_default_context(cafile=trust.authority), "bank.example")


def test_the_authority_is_kept_and_its_files_are_private(trust: Trust) -> None:
    folder, kept = trust.authority.parent, trust.authority.read_bytes()

    prepared(folder)

    assert trust.authority.read_bytes() == kept
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}
    assert {file.name for file in folder.iterdir()} == {"ca.pem", "ca-key.pem", "server.pem", "bundle.pem"}


def test_a_name_that_the_authority_was_made_without_is_named(trust: Trust) -> None:
    with pytest.raises(BadAuthorityError, match=r"was made without sim\.example; remove ca\.pem"):
        prepared(trust.authority.parent, ["sim.example"])


@pytest.mark.parametrize("damage", ["", "no certificate", "another"])
def test_an_authority_that_cannot_be_used_is_named(trust: Trust, tmp_path: Path, damage: str) -> None:
    if damage == "another":
        trust.authority.write_bytes(prepared(tmp_path / "other").authority.read_bytes())
    else:
        trust.authority.write_text(damage)

    with pytest.raises(BadAuthorityError, match=r"remove ca\.pem and ca-key\.pem there"):
        prepared(trust.authority.parent)


def test_a_folder_that_others_may_write_into_ends_the_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tmp_path.chmod(0o777)
    codes = [main(["--port", "0", "--tls", "--tls-folder", str(tmp_path)])]
    tmp_path.chmod(0o700)
    (tmp_path / "ca.pem").write_text("nothing")
    codes.append(main(["--port", "0", "--tls", "--tls-folder", str(tmp_path)]))

    errors = capsys.readouterr().err.splitlines()
    assert codes == [1, 2]
    assert f"chmod 700 {tmp_path}" in errors[0]
    assert len(errors) == 2


def test_the_recipe_names_files_hosts_ports_and_the_danger(trust: Trust) -> None:
    text = how_to_trust(trust, "plain ws")

    assert f"SSL_CERT_FILE={trust.bundle} REQUESTS_CA_BUNDLE={trust.bundle}" in text
    assert f"127.0.0.1 {' '.join(KIS_HOSTS)}" in text
    assert "--port 9443 --stream-port 21000 --paper-port 29443 --paper-stream-port 31000" in text
    assert "invented keys only" in text


@pytest.mark.timeout(180)
async def test_rest_and_stream_are_served_over_tls_under_kis_own_names(tmp_path: Path) -> None:
    options = ("--tls", "--tls-folder", str(tmp_path / "tls"), "--stream-port", "0", "--clock", "2026-11-23 10:00:00")
    with running(*options) as (process, url):
        assert process.stdout is not None
        stream = process.stdout.readline().partition(" ready on ")[2].strip()
        client = ssl.create_default_context(cafile=tmp_path / "tls" / "bundle.pem")
        port = int(url.rsplit(":", 1)[1])
        async with httpx.AsyncClient(verify=client, trust_env=False) as http:
            status = await http.get(f"{url}/control/status")
            named = await http.get(f"{url}/control/status", headers={"host": f"{KIS_HOSTS[1]}:29443"})
            await http.post(f"{url}/control/faults", json={"kind": "drop_before", "path": "tokenless"})
            with pytest.raises(httpx.TransportError):
                await http.get(f"{url}/uapi/tokenless")
        async with connect(
            f"wss://{KIS_HOSTS[0]}:{port}/tryitout", ssl=client, host="127.0.0.1", port=port, proxy=None
        ):
            pass
        async with connect(f"{stream}/tryitout", proxy=None):
            pass

    assert (status.status_code, named.status_code) == (200, 200)
    assert url.startswith("https://127.0.0.1:")
    assert stream.startswith("ws://127.0.0.1:")


@pytest.mark.timeout(180)
def test_tls_on_all_ports_and_none_without_it(tmp_path: Path) -> None:
    options = ("--tls", "all", "--tls-folder", str(tmp_path / "tls"), "--stream-port", "0")
    with running(*options) as (process, url):
        assert process.stdout is not None
        assert url.startswith("https://")
        assert "ready on wss://" in process.stdout.readline()
    with running() as (_, url):
        refused = httpx.get(f"{url}/control/status", headers={"host": KIS_HOSTS[0]})

    assert url.startswith("http://")
    assert refused.status_code == 421


def test_the_bundle_does_not_grow_when_the_simulator_is_started_where_it_is_trusted(
    trust: Trust, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = trust.bundle.read_bytes()
    monkeypatch.setenv("SSL_CERT_FILE", str(trust.bundle))

    again = prepared(trust.authority.parent)

    assert again.bundle.read_bytes() == before
    assert before.count(trust.authority.read_bytes()) == 1
    assert before.count(b"BEGIN CERTIFICATE") > 1
