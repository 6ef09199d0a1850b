"""Starting, refusing to start, and what the program is made of."""

import ast
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sandbox.running import ROOT, Running, environment


def start(*flags: str, **changes: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sandbox", *flags],
        cwd=ROOT,
        env=environment(**changes),
        capture_output=True,
        text=True,
        timeout=20,
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"PORTAL_MODE": "production"}, "PORTAL_MODE is production"),
        ({"SANDBOX_SECRET_KEY": "sk_live_abc"}, "SANDBOX_SECRET_KEY must be set and start with"),
        ({"SANDBOX_SECRET_KEY": ""}, "SANDBOX_SECRET_KEY must be set and start with sk_test_"),
        ({"SANDBOX_WEBHOOK_SECRET": "x"}, "SANDBOX_WEBHOOK_SECRET must be set and start with"),
    ],
)
def test_it_does_not_start_with_settings_that_could_be_real(
    tmp_path: Path, changes: dict[str, str], said: str
) -> None:
    ended = start("--port", "0", "--state", str(tmp_path / "s.sqlite3"), **changes)
    assert ended.returncode == 2
    assert ended.stderr.startswith(f"sandbox: {said}")
    assert ended.stderr.count("\n") == 1
    assert "sk_live" not in ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_taken_port_gets_one_clear_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = start("--port", port, "--state", str(tmp_path / "s.sqlite3"))
    assert ended.returncode == 2
    assert ended.stderr == f"sandbox: cannot listen at 127.0.0.1:{port}: Address already in use\n"


def test_a_state_that_is_no_database_gets_one_clear_line(tmp_path: Path) -> None:
    state = tmp_path / "s.sqlite3"
    state.write_text("not a database, but long enough to be read as the header of one" * 20)
    ended = start("--port", "0", "--state", str(state))
    assert ended.returncode == 2
    assert ended.stderr.startswith(f"sandbox: cannot use {state}: ")
    assert ended.stderr.count("\n") == 1


def test_a_webhook_address_must_be_one(tmp_path: Path) -> None:
    ended = start("--state", str(tmp_path / "s.sqlite3"), "--webhook-url", "localhost/hook")
    assert ended.returncode == 2
    assert "--webhook-url must be an http or https address" in ended.stderr


def test_it_ends_when_told_and_says_nothing_else(tmp_path: Path) -> None:
    running = Running(tmp_path / "deep" / "er" / "s.sqlite3")
    assert running.stop() == 0


def test_it_answers_who_it_is_and_that_it_lives(sandbox: Running) -> None:
    response, text = sandbox.request("GET", "/healthz")
    assert (response.status, text) == (200, '{"status": "ok"}')
    response, text = sandbox.request("GET", "/")
    assert response.status == 200
    assert "A stand-in for Stripe" in text
    assert "sk_test_" not in text
    assert "whsec_" not in text
    assert sandbox.request("GET", "/nothing")[0].status == 404
    assert sandbox.request("POST", "/", "a=b")[0].status == 404


def test_pages_link_to_the_public_address_when_there_is_one(tmp_path: Path) -> None:
    running = Running(tmp_path / "s.sqlite3")
    port = running.port
    running.stop()
    running.flags += ["--public-url", "https://pay.example.org/"]
    running.start()
    try:
        assert running.url == "https://pay.example.org"
        running.url, running.port = f"http://127.0.0.1:{port}", port
        running.client = type(running.client)(
            running.client._requestor.api_key, base_addresses={"api": running.url}
        )
        assert running.session().url.startswith("https://pay.example.org/c/pay/cs_test_")
    finally:
        running.stop()


def test_it_is_made_of_the_standard_library_alone() -> None:
    imported = set()
    for path in (ROOT / "sandbox").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add((node.module or "").partition(".")[0])
    assert imported - {"sandbox"} <= sys.stdlib_module_names


def test_the_words_of_the_page_are_complete_in_every_language() -> None:
    from sandbox.texts import TEXTS

    english = TEXTS["en"]
    for language in ("fr", "pt"):
        assert TEXTS[language].keys() == english.keys()
        for key, text in TEXTS[language].items():
            assert text.count("{") == english[key].count("{"), (language, key)
