"""How a function becomes a job."""

import contextlib
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ParamSpec, Protocol, TypeVar, overload

from django.utils.module_loading import import_string

# The task framework, imported in this one place: with Django 6 this line becomes
# ``from django.tasks import task``.
from django_tasks import task

BACKEND = "jobs"  # the alias in settings.TASKS

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)


class GiveUp(Exception):
    """Raised by a job that can never succeed: it ends FAILED at once, with this text as reason."""


class Job(Protocol[P, R_co]):
    """What ``@job`` makes of a function: a task of Django's framework."""

    @property
    def name(self) -> str: ...

    @property
    def module_path(self) -> str: ...

    @property
    def func(self) -> Callable[P, R_co]: ...

    def enqueue(self, *args: P.args, **kwargs: P.kwargs) -> Any:
        """Write the job's row, in the transaction that is open."""

    def call(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Run the function here and now (tests)."""

    def using(
        self, *, run_after: datetime | None = None, priority: int | None = None
    ) -> "Job[P, R_co]":
        """The same job, to be enqueued for later or ahead of others (-100 to 100)."""


@dataclass(frozen=True, slots=True)
class JobOptions:
    """How the worker treats a job.

    ``attempts`` counts every start, also those that ended with the worker's death. The wait after
    the n-th is ``first_delay`` · 4^(n-1), an hour at most, give or take a quarter: eight attempts
    span about two hours, twelve about six.
    """

    attempts: int = 8
    first_delay: timedelta = timedelta(seconds=2)
    atomic: bool = False
    forget_arguments: bool = False
    forget_when_failed: Callable[..., bool] | None = None
    on_failed: Callable[..., None] | None = None

    def delay(self, attempt: int) -> timedelta:
        """How long to wait after ``attempt`` (1 for the first) has failed."""
        wait = min(self.first_delay * 4 ** min(attempt - 1, 20), timedelta(hours=1))
        # Not all at once, when many jobs failed for the same reason.
        return wait * random.uniform(0.75, 1.25)  # noqa: S311


_options: dict[str, JobOptions] = {}


@overload
def job(function: Callable[P, R_co], /) -> Job[P, R_co]: ...


@overload
def job(
    *,
    attempts: int = ...,
    first_delay: timedelta = ...,
    atomic: bool = ...,
    forget_arguments: bool = ...,
    forget_when_failed: Callable[..., bool] | None = ...,
    on_failed: Callable[..., None] | None = ...,
    queue: str = ...,
    priority: int = ...,
) -> Callable[[Callable[P, R_co]], Job[P, R_co]]: ...


def job(
    function: Callable[..., Any] | None = None,
    /,
    *,
    attempts: int = 8,
    first_delay: timedelta = timedelta(seconds=2),
    atomic: bool = False,
    forget_arguments: bool = False,
    forget_when_failed: Callable[..., bool] | None = None,
    on_failed: Callable[..., None] | None = None,
    queue: str = "default",
    priority: int = 0,
) -> Any:
    """Make a module-level function a background job: ``@job`` or ``@job(attempts=8)``.

    ``attempts``: how often it is tried; ``first_delay``: the wait after the first failure;
    ``atomic``: run it and mark it done in one transaction (then it must not open a use case of its
    own); ``forget_arguments``: blank its arguments once it is done, for what should not lie
    around; ``forget_when_failed``: called with the job's arguments, says whether they are blanked
    also once it is FAILED for good, after which it cannot run again; ``on_failed``: called with the
    error and the job's arguments in the transaction that marks it FAILED for good; ``queue``: each
    queue has a worker of its own; ``priority``: -100 to 100.
    """
    options = JobOptions(
        attempts, first_delay, atomic, forget_arguments, forget_when_failed, on_failed
    )

    def declare(func: Callable[..., Any]) -> Any:
        made = task(backend=BACKEND, queue_name=queue, priority=priority)(func)
        _options[made.module_path] = options
        return made

    return declare(function) if function is not None else declare


def options_of(task_path: str) -> JobOptions:
    """The options of a job by its dotted path; the usual ones where there is no such job."""
    with contextlib.suppress(ImportError):
        import_string(task_path)  # declares it, if nothing has imported its module yet
    return _options.get(task_path, JobOptions())
