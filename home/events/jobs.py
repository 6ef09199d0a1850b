"""The background work of events."""

from core.jobs import job, schedule


@job(attempts=8)
def remind(registration_id: int) -> None:
    """Remind somebody of an event that begins within a day."""
    from home.events import keeping

    keeping.remind(registration_id)


@job(attempts=3)
def remind_all() -> None:
    """Remind everybody who is due: a job each, so that none stops another."""
    from home.events import keeping

    for registration_id in keeping.due_for_reminder():
        remind.enqueue(registration_id=registration_id)


@job(attempts=3)
def forget() -> None:
    """Erase who registered for events that are over since long."""
    from home.events import keeping

    keeping.forget()


schedule.every("5,35 * * * *", remind_all, name="home.remind_of_events")
schedule.every("40 3 * * *", forget, name="home.forget_registrations")
