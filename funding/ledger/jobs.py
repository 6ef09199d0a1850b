"""Background work of the ledger."""

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


schedule.every("* * * * *", publish_checkpoint, name="ledger.publish_checkpoint")
