"""Background work of payments. Each job is thin: the modules that do the work enqueue jobs too,
so the imports are inside."""

from core.jobs import job, schedule


@job(attempts=10)
def process_event(event_id: int) -> None:
    """Apply one event of the inbox."""
    from funding.payments import inbox

    inbox.process(event_id)


@job
def check_payment(payment_id: int) -> None:
    """Look at Stripe how a payment stands, without an event that asks for it."""
    from funding.payments import reconciliation

    reconciliation.check(payment_id)


@job
def settle_payment(payment_id: int) -> None:
    """Post the ledger entry of a paid payment, if its balance transaction exists by now."""
    from funding.payments import reconciliation

    reconciliation.settle_one(payment_id)


@job(attempts=2)
def read_missed_events() -> None:
    """Put into the inbox what Stripe sent and we never received."""
    from funding.payments import reconciliation

    reconciliation.read_missed_events()


@job(attempts=2)
def settle_late_payments() -> None:
    """Settle the paid payments whose balance transaction came late and unannounced."""
    from funding.payments import reconciliation

    reconciliation.settle_late_payments()


schedule.every("*/10 * * * *", read_missed_events, name="payments.read_missed_events")
schedule.every("5-59/10 * * * *", settle_late_payments, name="payments.settle_late_payments")
