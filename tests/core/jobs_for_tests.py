"""Jobs that the tests of the queue run, here and in worker processes."""

import os
import time
from pathlib import Path

from django.utils.translation import get_language

from core.jobs import GiveUp, job
from core.models import User

seen: list[str] = []


@job
def note(text: str) -> str:
    seen.append(text)
    return text


@job(attempts=3)
def always_fails(text: str = "") -> None:
    seen.append(text)
    raise ConnectionError("the other side does not answer")


@job(attempts=8)
def gives_up() -> None:
    raise GiveUp("the address is wrong")


@job
def enqueues_another(text: str) -> None:
    note.enqueue(text)


@job
def returns_what_is_not_json() -> object:
    return object()


@job(attempts=2, atomic=True)
def makes_a_user(email: str, fail: bool = False) -> None:
    User.objects.create_user(email)
    if fail:
        raise ValueError("after the write")


@job(forget_arguments=True)
def secret(text: str) -> None:
    seen.append(text)


@job(attempts=2, forget_when_failed=lambda text: text.startswith("code"))
def secret_that_fails(text: str) -> None:
    raise ConnectionError("the other side does not answer")


@job(queue="mail", priority=-10)
def unimportant(text: str) -> None:
    seen.append(text)


@job
def tells_its_language() -> str:
    return get_language() or ""


@job
def scheduled() -> None:
    seen.append("scheduled")


@job(attempts=3)
def waits_for_a_file(folder: str) -> None:
    """Says that it began, waits until the test lets it go, says that it ended."""
    log = Path(folder) / "log"
    with log.open("a") as file:
        file.write("began\n")
    until = time.monotonic() + 60
    while not (Path(folder) / "go").exists():
        assert time.monotonic() < until
        time.sleep(0.02)
    User.objects.exists()  # it needs the database, as jobs do
    with log.open("a") as file:
        file.write("ended\n")


@job(attempts=2)
def kills_its_worker(folder: str) -> None:
    with (Path(folder) / "log").open("a") as file:
        file.write("began\n")
    os._exit(9)
