"""The background work of membership. The modules that do it enqueue jobs too, so the imports are
inside."""

from core.jobs import job, schedule


@job(attempts=8)
def keep_promises(term_id: int) -> None:
    """Bring the tasks of a term in line with its facts."""
    from membership import benefits

    benefits.keep_promises(term_id)


@job(attempts=3)
def catch_up_promises() -> None:
    """Bring the tasks of every term in line that are not: a job each, so that none stops another."""
    from membership import benefits

    for term_id in benefits.out_of_line():
        keep_promises.enqueue(term_id=term_id)


@job(attempts=3)
def tell_of_agreements() -> None:
    """Tell members of the versions that they must accept and have not, once for each."""
    from membership import accepting

    accepting.tell_members()


@job(attempts=3)
def take_tasks_from_leavers() -> None:
    """Give the open tasks of people who left to their groups."""
    from membership import tasks

    tasks.take_from_leavers()


schedule.every("5 5 * * *", take_tasks_from_leavers, name="membership.take_tasks_from_leavers")
schedule.every("10 5 * * *", catch_up_promises, name="membership.catch_up_promises")
schedule.every("50 5 * * *", tell_of_agreements, name="membership.tell_of_agreements")
