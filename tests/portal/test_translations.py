"""Every text that people read is there in every language."""

import shutil
import subprocess
import sys
from pathlib import Path

import polib
import pytest

from tests.database import ROOT

FILES = sorted((ROOT / "locale").glob("*/LC_MESSAGES/django.po"))
LEFT_OUT = shutil.ignore_patterns(
    ".*", "var", "node_modules", "__pycache__", "*.mo", "*.pyc", "results"
)


def texts(path: Path) -> set[tuple[str | None, str, str]]:
    return {
        (entry.msgctxt, entry.msgid, entry.msgid_plural)
        for entry in polib.pofile(str(path))
        if not entry.obsolete
    }


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parts[-3])
def test_no_text_is_left_untranslated_or_uncertain(path: Path) -> None:
    messages = polib.pofile(str(path))
    assert [entry.msgid for entry in messages.untranslated_entries()] == []
    assert [entry.msgid for entry in messages.fuzzy_entries()] == []
    assert [entry.msgid for entry in messages.obsolete_entries()] == []


@pytest.mark.usefixtures("gettext")
def test_the_translations_have_the_texts_that_code_and_templates_have(tmp_path: Path) -> None:
    """What `make messages` would change: nothing."""
    copy = tmp_path / "portal"
    shutil.copytree(ROOT, copy, ignore=LEFT_OUT)
    answer = subprocess.run(
        ["make", "messages", f"BIN={Path(sys.executable).parent}"],
        cwd=copy,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    for path in FILES:
        assert texts(copy / path.relative_to(ROOT)) == texts(path), "Run `make messages`."
