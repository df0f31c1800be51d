"""Choose the identity under which PostgreSQL runs, by trial: limits of a container or mount show only in use."""

import asyncio
import os
from pathlib import Path
from typing import Final

from runtime.embedded.errors import CorruptFolderError, RootRefusedError
from runtime.embedded.guard import Program
from runtime.embedded.process import first_words_of_failure
from runtime.embedded.unprivileged import Identity, identities_for_root
from security.private_files import FOLDER_MODE

_PASSABLE: Final = 0o711


async def identity_for(binaries: Path, folder: Path) -> Identity | None:
    """Return the identity under which the server can run below a folder of ours; None for the current one.

    Only where user namespaces are forbidden, the folder is opened for traversal and its data becomes owned by
    `nobody`.

    Raises:
        RootRefusedError: the process is root, and no other identity can access both programs and data.
    """
    if os.geteuid() != 0:
        return None
    refusals = []
    for identity in identities_for_root():
        _open_for_passing(folder, FOLDER_MODE if identity.namespace else _PASSABLE)
        # Like initdb and postgres, pg_config resolves its own path and checks that it can be read and executed.
        program = Program([str(binaries / "pg_config"), "--bindir"], identity=identity, folder=str(folder))
        refusal = await asyncio.to_thread(first_words_of_failure, program, folder)
        if refusal is None:
            return identity
        refusals.append(f"\n  | {identity}: {refusal}")
    raise RootRefusedError(
        f"PostgreSQL refuses to run as root, and no other identity reaches {binaries} and {folder}. Run Haru as an "
        "ordinary user; or allow user namespaces (sysctl -w user.max_user_namespaces=10000, in a container "
        "--security-opt seccomp=unconfined); or move Haru and its data (HARU_DATA_DIR) below folders that every user "
        f"may enter, such as /opt and /srv; or set DATABASE_URL to a server of your own. Tried:{''.join(refusals)}"
    )


def _open_for_passing(folder: Path, mode: int) -> None:
    folder.chmod(mode)


def hand_over(data: Path, identity: Identity | None) -> None:
    """Change the owner of the data to the identity's user. An earlier start may have used another identity.

    Raises:
        CorruptFolderError: the owner cannot be changed.
    """
    if identity is None or data.stat().st_uid == identity.user:
        return
    try:
        # Change the top last: until then the next start detects and repeats an interrupted change.
        for parent, folders, files in os.walk(data, topdown=False):
            for name in (*folders, *files):
                os.chown(Path(parent) / name, identity.user, -1, follow_symlinks=False)
        os.chown(data, identity.user, -1)
    except OSError as error:
        raise CorruptFolderError(
            f"the owner of {data} cannot be changed ({error}); run: chown -R {identity.user} {data}"
        ) from error
