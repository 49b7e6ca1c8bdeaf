"""Files that only this user of the machine may read: the journal tells the secrets of keys."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

FILE_MODE, FOLDER_MODE = 0o600, 0o700


def private_folder(folder: Path) -> None:
    """Make a folder, or close one of ours to others; somebody else's is left as its owner wants it."""
    folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    if folder.stat().st_uid == os.geteuid():
        folder.chmod(FOLDER_MODE)


def fresh_private_file(path: Path) -> BinaryIO:
    """An empty file that is ours alone from birth, whatever a killed predecessor left under its name."""
    path.unlink(missing_ok=True)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE), "wb")
