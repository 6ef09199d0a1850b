"""Compiled translations (.mo), made without GNU gettext, which a fresh machine may lack.

The .po files are in the repository; the .mo files are not, for they would clash at every merge.
`make run`, the tests and `manage.py compile_translations` make those that are missing or old.
"""

import os
from pathlib import Path

import polib

LOCALE = Path(__file__).resolve().parent.parent / "locale"


def stale() -> list[Path]:
    """The .po files whose .mo is missing or older."""
    return [
        source
        for source in sorted(LOCALE.glob("*/LC_MESSAGES/*.po"))
        if not source.with_suffix(".mo").exists()
        or source.with_suffix(".mo").stat().st_mtime_ns < source.stat().st_mtime_ns
    ]


def compile_stale() -> int:
    """Compile what is stale; how many files that were."""
    sources = stale()
    for source in sources:
        part = source.with_name(f"{source.stem}.{os.getpid()}.part")
        polib.pofile(str(source)).save_as_mofile(str(part))
        part.replace(source.with_suffix(".mo"))
    return len(sources)
