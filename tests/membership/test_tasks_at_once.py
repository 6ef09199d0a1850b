"""Two jobs or two officers at the same moment: a promise is made once, and kept once."""

from typing import Any

from membership import benefits, seeds, tasks
from tests.factories.tasks import free_task, make_doer, only_benefit, settle, term_from
from tests.membership.test_benefits import ago
from tests.races import together


def test_two_jobs_make_a_promise_once(committed_db: Any) -> None:
    seeds.load()
    only_benefit()
    term = settle(term_from(ago(1)))

    answers = together(*[lambda: benefits.keep_promises(term.pk)] * 2)

    assert sorted(answers) == [0, 1]
    assert term.tasks.count() == 1


def test_two_officers_do_it_once(committed_db: Any) -> None:
    seeds.load()
    only_benefit()
    term = settle(term_from(ago(1)))
    benefits.keep_promises(term.pk)
    task = term.tasks.get()
    anna, ben = make_doer(), make_doer()

    answers = together(
        lambda: tasks.fulfil(task, by=anna, words="By Anna."),
        lambda: tasks.fulfil(task, by=ben, words="By Ben."),
    )

    assert sorted(type(answer).__name__ for answer in answers) == ["Task", "TaskClosed"]


def test_two_officers_take_it_on_and_the_last_has_it(committed_db: Any) -> None:
    seeds.load()
    anna, ben = make_doer(), make_doer()
    task = free_task(by=anna)

    answers = together(lambda: tasks.take_on(task, by=anna), lambda: tasks.take_on(task, by=ben))

    assert [type(answer).__name__ for answer in answers] == ["Task", "Task"]
    task.refresh_from_db()
    assert task.owner in (anna, ben)
