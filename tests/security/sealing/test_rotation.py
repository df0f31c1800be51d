"""Key rotation without downtime: hosts accept the old and the new key, and a host with other keys does not start."""

import stat
from dataclasses import replace
from pathlib import Path

import pytest

from database.payload_keys import KeysDifferError
from fleet import commands
from fleet.commands import Verdict
from fleet.duties.key_hold import KeyHold
from fleet.fleet import Fleet
from runtime.embedded.errors import CorruptFolderError
from runtime.embedded.payload_key import FILE, kept_ring
from security.sealing.keys import BadKeyError, KeyRing, PayloadKey, new_key
from security.sealing.refusals import Refusals
from tests.security.sealing.parts import Guarded, guarded_client, hosted
from tests.workflows.stand_ins import Desk
from workflows.identity import worker_name
from workflows.trading_worker import TradingWorkerWorkflow

OLD, NEW, OTHER = ("a" * 16, "b" * 16, "c" * 16)


async def test_a_run_that_began_under_the_old_key_is_commanded_and_sold_under_the_new_one(
    fleet: Fleet, temporal_dev_server: str
) -> None:
    old, new, refusals = new_key(), new_key(), Refusals()
    desk = Desk(fleet.clock)
    before = await guarded_client(temporal_dev_server, [old], refusals)
    async with hosted(fleet, before, desk):
        begun = Guarded(replace(fleet, client=before), desk, temporal_dev_server, old, refusals)
        handle = await begun.holding()
    after = await guarded_client(temporal_dev_server, [new, old], refusals)
    operator = replace(fleet, client=await guarded_client(temporal_dev_server, [new, old], refusals))

    async with hosted(fleet, after, desk):
        (sold,) = await commands.command_all(operator, [worker_name(1)], commands.liquidate())
        status = await operator.client.get_workflow_handle(handle.id).query(TradingWorkerWorkflow.status)

    assert sold.verdict is Verdict.DONE
    assert status.paused
    assert desk.held is None
    assert not refusals.take()


async def test_a_host_with_another_key_does_not_start(fleet: Fleet) -> None:
    await KeyHold(fleet, [OLD]).join()

    with pytest.raises(KeysDifferError, match=f"encrypted with key {OLD} .* knows {OTHER} only: give all machines"):
        await KeyHold(fleet, [OTHER]).join()
    with pytest.raises(KeysDifferError):
        await fleet.database.payload_keys.check(fleet.account_id, [OTHER])


async def test_a_new_key_is_known_to_all_living_hosts_before_one_encrypts_with_it(fleet: Fleet) -> None:
    first, second = KeyHold(fleet, [OLD]), KeyHold(fleet, [OLD, NEW])
    await first.join()
    await second.join()

    with pytest.raises(KeysDifferError, match=rf"does not know key {NEW}, with which this machine encrypts: add it"):
        await KeyHold(fleet, [NEW, OLD]).join()
    await first.leave()
    await KeyHold(fleet, [NEW, OLD]).join()

    await fleet.database.payload_keys.check(fleet.account_id, [NEW, OLD])
    with pytest.raises(KeysDifferError, match=f"encrypted with key {NEW}|encrypted with key {OLD}"):
        await fleet.database.payload_keys.check(fleet.account_id, [NEW])


async def test_keys_that_are_given_up_are_forgotten(fleet: Fleet) -> None:
    await KeyHold(fleet, [OLD]).join()

    with pytest.raises(KeysDifferError):
        await KeyHold(fleet, [OTHER]).join()

    await fleet.database.payload_keys.forget()

    await KeyHold(fleet, [OTHER]).join()


def test_the_data_folder_keeps_its_key_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "data"

    ring = kept_ring(folder)

    assert kept_ring(folder).ids == ring.ids
    assert stat.S_IMODE((folder / FILE).stat().st_mode) == 0o600
    assert [path.name for path in folder.iterdir()] == [FILE]


def test_a_second_line_is_accepted_and_the_first_encrypts(tmp_path: Path) -> None:
    old, new = new_key(), new_key()
    (tmp_path / FILE).write_text(f"{new}\n{old}\n")

    assert kept_ring(tmp_path).ids == (PayloadKey(new).id, PayloadKey(old).id)


@pytest.mark.parametrize("text", ["", "half a k", "x" * 40, "é"])
def test_a_file_that_holds_no_key_is_reported_with_the_fix(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)

    with pytest.raises(CorruptFolderError, match=r"payload\.key does not hold keys") as raised:
        kept_ring(tmp_path)

    assert not text or text not in str(raised.value)


@pytest.mark.parametrize("texts", [[], ["short"], [new_key(), "not a key"], [new_key()[:-4]]])
def test_what_is_no_key_is_refused_and_never_repeated(texts: list[str]) -> None:
    with pytest.raises(BadKeyError) as raised:
        KeyRing(texts)

    assert all(text not in str(raised.value) for text in texts)
