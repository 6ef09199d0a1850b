"""Background work of the read side."""

from core.jobs import job, schedule


@job(attempts=3)
def sum_up_givers() -> None:
    """Take the entries that were sealed since into the sums of who gave."""
    from funding.transparency import giver_sums

    giver_sums.sum_up_all()


schedule.every("* * * * *", sum_up_givers, name="transparency.sum_up_givers")
