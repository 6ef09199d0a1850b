"""What was promised, remembered outside the database: a file for each program, a line for each note.

A note is on the disk before its program goes on, so what stands here was acknowledged whatever was
killed afterwards; what does not stand here may have happened or not.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Note = dict[str, Any]


class Oracle:
    """The notes of one program; those of its former lives are its own."""

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir(exist_ok=True)
        self.path = folder / f"{name}.jsonl"

    def note(self, *notes: Note) -> None:
        """Keep what one act led to: all of it or, where we are killed, nothing that can be read."""
        # A line begins with its newline, so that half a line of a former life stays by itself.
        data = "\n" + json.dumps(notes) + "\n"
        with self.path.open("ab", buffering=0) as file:
            file.write(data.encode())
            os.fsync(file.fileno())

    def notes(self) -> list[Note]:
        return list(read(self.path))


def read(path: Path) -> Iterator[Note]:
    """The notes of a file; half a line is no note, for its writer died before it was sure."""
    if not path.exists():
        return
    for line in path.read_text(encoding="utf-8").splitlines():
        if line:
            try:
                yield from json.loads(line)
            except ValueError:
                continue


def notes_of(folder: Path, program: str) -> list[Note]:
    """The notes of every program of a kind: ``writer``, ``sealer``, ``handler``, ``unexpected``."""
    return [note for path in sorted(folder.glob(f"{program}*.jsonl")) for note in read(path)]
