"""Daily work of giving. The modules that do it import the payments' jobs, so imports are inside."""

from core.jobs import job, schedule


@job(attempts=2)
def announce_charges() -> None:
    """Tell donors of the charges of a week from now."""
    from funding.pools import charging

    charging.announce_charges()


@job(attempts=2)
def charge_due_instalments() -> None:
    """Charge what falls due today where the donor agreed."""
    from funding.pools import charging

    charging.charge_due_instalments()


schedule.every("30 6 * * *", announce_charges, name="pools.announce_charges")
schedule.every("40 6 * * *", charge_due_instalments, name="pools.charge_due_instalments")
