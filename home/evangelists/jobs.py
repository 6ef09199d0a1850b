"""The daily work around evangelists; `home.jobs` names it to the worker."""

from core.jobs import job, schedule


@job(attempts=3)
def remind_evangelists() -> None:
    """Write to those whose year ends soon, today, or has ended."""
    from home.evangelists import confirming

    confirming.remind()


@job(attempts=3)
def forget_messages() -> None:
    """Delete what was written to evangelists more than 30 days ago."""
    from home.evangelists import contact

    contact.forget_old()


schedule.every("40 5 * * *", remind_evangelists, name="home.remind_evangelists")
schedule.every("35 3 * * *", forget_messages, name="home.forget_messages")
