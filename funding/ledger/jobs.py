"""Background work of the ledger."""

from django.utils import timezone

from core.jobs import job, schedule


@job(attempts=3)
def publish_checkpoint() -> None:
    """Seal what is committed and sign a checkpoint over it."""
    from funding.ledger import checkpoints

    checkpoints.publish()


@job(attempts=12)
def ask_witness(size: int, witness: str) -> None:
    """Have a witness sign a checkpoint; again later where it cannot be reached."""
    from funding.ledger import checkpoints

    checkpoints.ask_witness(size, witness)


@job(attempts=3)
def open_next_month() -> None:
    """Make the coming month's row, so that its first entries need not wait for one another."""
    from funding.ledger import periods

    periods.open_month(periods.month_after(timezone.now().date()))


schedule.every("* * * * *", publish_checkpoint, name="ledger.publish_checkpoint")
schedule.every("40 4 * * *", open_next_month, name="ledger.open_next_month")
