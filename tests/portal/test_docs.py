"""The documentation holds to the code: variables, links, commands."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.jobs import schedule
from funding.payments import inbox
from tests.database import ROOT

DOCS = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
DOCS += [ROOT / "data" / "README.md", ROOT / "sandbox" / "README.md"]
CODE = ("core", "funding", "home", "membership", "portal", "sandbox")
# Read, but not ours to explain.
OTHERS = {"DJANGO_SETTINGS_MODULE", "PYTEST_XDIST_WORKER"}
NAME = re.compile(r"[A-Z][A-Z0-9_]{2,}\Z")
# Functions that take a variable's name first, and the names that a mapping of variables goes by.
READERS = {
    "required",
    "optional",
    "whole_number",
    "str",
    "int",
    "bool",
    "list",
    "get",
    "pop",
    "getenv",
}
MAPPINGS = {"environ", "environment", "env"}


# --- Variables ------------------------------------------------------------------------------------


def python_files() -> Iterator[Path]:
    yield ROOT / "manage.py"
    for folder in CODE:
        yield from (ROOT / folder).rglob("*.py")
    # What the tests read of the machine, not what a test sets to try it.
    yield from (
        ROOT / "tests" / name for name in ("conftest.py", "browser.py", "database.py", "axe.py")
    )


def named(node: ast.AST | None) -> str:
    """The name of a variable that a call or a subscript names outright; empty otherwise."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and NAME.match(node.value):
        return node.value
    return ""


def is_mapping(node: ast.AST) -> bool:
    last = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    return last in MAPPINGS


def variables_read(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and node.args:
            called = node.func
            if isinstance(called, ast.Attribute):
                if called.attr in READERS and is_mapping(called.value):
                    yield named(node.args[0])
            elif getattr(called, "id", "") in READERS:
                yield named(node.args[0])
        elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
            if is_mapping(node.value):
                yield named(node.slice)
        elif isinstance(node, ast.Compare) and is_mapping(node.comparators[0]):
            yield named(node.left)


def test_every_variable_that_is_read_is_explained_and_every_one_explained_is_read() -> None:
    read = {name for path in python_files() for name in variables_read(path)} - OTHERS - {""}
    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    explained = re.findall(r"^### ([A-Z0-9_]+)$", text, re.MULTILINE)
    assert len(explained) == len(set(explained))
    assert read - set(explained) == set()
    assert set(explained) - read == set()
    assert {"PORTAL_MODE", "HOST", "SANDBOX_PORT", "CHROMIUM", "WEB_THREADS"} <= read


def test_the_example_for_production_names_known_variables_alone() -> None:
    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    example = (ROOT / "docs" / "production.env").read_text(encoding="utf-8")
    for name in re.findall(r"^#? ?([A-Z_]+)=", example, re.MULTILINE):
        assert f"\n### {name}\n" in text


# --- Links ----------------------------------------------------------------------------------------


def anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, as the forges make them."""
    text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)
    found = set()
    for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE):
        plain = re.sub(r"[^\w\- ]", "", heading.strip().lower())
        found.add(plain.replace(" ", "-"))
    return found


def links(path: Path) -> Iterator[str]:
    yield from re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", DOCS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in links(page):
        if link.startswith(("https://", "http://", "mailto:")):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), f"{page.name}: {link}"
        if anchor:
            assert anchor in anchors(target), f"{page.name}: {link}"


def test_every_page_that_the_code_points_to_is_there() -> None:
    """What a message or a comment calls docs/….md, with its anchor."""
    pointed = set()
    files = [*python_files(), ROOT / "Makefile", *(ROOT / "docs").glob("*.env")]
    for path in files:
        text = path.read_text(encoding="utf-8")
        pointed |= set(re.findall(r"\bdocs/([\w-]+\.md)(?:#([\w-]+))?", text))
    assert ("settings.md", "") in pointed
    for name, anchor in pointed:
        target = ROOT / "docs" / name
        assert target.exists(), name
        assert not anchor or anchor in anchors(target), f"{name}#{anchor}"


# --- What the operator is told --------------------------------------------------------------------


def operating() -> str:
    return (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")


def test_every_command_that_is_named_exists() -> None:
    from django.core.management import get_commands

    known = get_commands()
    pages = "".join(page.read_text(encoding="utf-8") for page in DOCS)
    commands = set(re.findall(r"manage\.py ([a-z_]+)", pages))
    assert {"prepare_database", "verify_ledger", "jobs", "run_worker"} <= commands
    assert [command for command in sorted(commands) if command not in known] == []


def test_every_target_of_make_that_is_named_exists_and_is_listed() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    pages = "".join(page.read_text(encoding="utf-8") for page in DOCS)
    assert set(re.findall(r"`make ([a-z]+)", pages)) - targets == set()
    listed = set(re.findall(r"^([a-z]+):.*##", makefile, re.MULTILINE))
    assert {"run", "test", "check", "fmt", "shell", "clean"} <= listed


def test_the_events_of_stripe_that_move_money_are_all_named() -> None:
    section = operating().partition("\n## Stripe\n")[2].partition("\n## ")[0]
    objects = "checkout|payment_intent|charge|customer|invoice|refund|payout"
    named = set(re.findall(rf"`((?:{objects})\.[a-z_.]+)`", section))
    assert named == set(inbox.HANDLERS)


def test_the_schedule_is_told_in_full() -> None:
    schedule.load()
    section = operating().partition("\n## Schedule\n")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("|")][2:]
    portals = [known for known in schedule._schedules.values() if not known.name.startswith("test")]
    ours = [known for known in portals if not known.job.module_path.startswith("tests.")]
    assert len(rows) == len(ours), [known.name for known in ours]
