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


@job
def return_declined_gift(gift_id: int) -> None:
    """Ask back what came of a declined gift, once the processor has settled it."""
    from funding.pools import declining

    declining.ask_back_or_wait(gift_id)


@job(attempts=2)
def return_declined_gifts() -> None:
    """Ask back what is still here of declined gifts, where that could not be done before."""
    from funding.pools import declining

    declining.return_declined()


@job(attempts=2)
def remind_of_instalments() -> None:
    """Remind donors of the instalments of their pledges."""
    from funding.pools import pledge_reminders

    pledge_reminders.send_reminders()


@job(attempts=4)
def settle_matching() -> None:
    """Ask the donors who match for what last month came to."""
    from funding.pools import matching

    matching.settle_last_month()


schedule.every("30 6 * * *", announce_charges, name="pools.announce_charges")
schedule.every("40 6 * * *", charge_due_instalments, name="pools.charge_due_instalments")
schedule.every("0 7 * * *", remind_of_instalments, name="pools.remind_of_instalments")
schedule.every("50 6 * * *", return_declined_gifts, name="pools.return_declined_gifts")
schedule.every("50 7 2 * *", settle_matching, name="pools.settle_matching")
