"""Background jobs: rows of PostgreSQL, written in the transaction that causes them.

    from core.jobs import job

    @job(attempts=8)
    def send_thanks(payment_id: int) -> None: ...

    with use_case():
        ...
        send_thanks.enqueue(payment_id=payment.pk)

The contract of a job function:

- Its arguments are JSON: ids rather than objects, texts for dates, integers for money.
- It is idempotent. It runs at least once: a worker that dies after the work and before the mark
  "done" makes it run again. ``atomic=True`` puts work and mark into one transaction, so that what
  it writes to the database is written exactly once; what it does outside still may happen twice.
- It reads the state of the world from the database when it runs, not from its arguments.
- An exception makes it run again later; ``GiveUp`` ends it at once.
"""

from core.jobs.declare import GiveUp, Job, JobOptions, job

__all__ = ["GiveUp", "Job", "JobOptions", "job"]
