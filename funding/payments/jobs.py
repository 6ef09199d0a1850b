"""Background work of payments. Each job is thin: the modules that do the work enqueue jobs too,
so the imports are inside."""

from core.jobs import job, schedule


@job(attempts=12)
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


@job(attempts=12)
def send_payout(payout_id: int) -> None:
    """Ask the processor for a refund that two people approved."""
    from funding.payments import payouts

    payouts.send(payout_id)


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


@job(attempts=3)
def send_reminders() -> None:
    """Remind payers of what is soon due, or overdue."""
    from funding.payments import reminders

    reminders.send_due()


@job
def check_subscription(subscription_id: int) -> None:
    """Look at Stripe how an agreement stands, without an event that asks for it."""
    from funding.payments import subscription_events

    subscription_events.check(subscription_id)


@job
def retry_subscription(subscription_id: int, by_hand: str = "") -> None:
    """Try the open payment of a failing agreement again; ``by_hand`` as `retry` has it."""
    from funding.payments import subscription_events

    subscription_events.retry(subscription_id, by_hand=by_hand)


@job(attempts=12)
def end_agreement(subscription_id: int) -> None:
    """Tell Stripe that an agreement has ended here."""
    from funding.payments import subscription_events

    subscription_events.end_agreement(subscription_id)


@job(attempts=12)
def end_at_stripe(stripe_subscription: str) -> None:
    """End an agreement at Stripe that should not go on there."""
    from funding.payments import subscription_events

    subscription_events.end_now(stripe_subscription)


@job(attempts=12)
def end_with_period(subscription_id: int) -> None:
    """Tell Stripe to end an agreement with the period that was paid."""
    from funding.payments import subscription_events

    subscription_events.end_with_period(subscription_id)


@job(attempts=12)
def pause_at_stripe(subscription_id: int, invoice: str) -> None:
    """Tell Stripe to charge an agreement no more until its payer resumes it."""
    from funding.payments import subscription_events

    subscription_events.pause(subscription_id, invoice)


@job(attempts=12)
def resume_at_stripe(subscription_id: int) -> None:
    """Tell Stripe to charge a paused agreement again."""
    from funding.payments import subscription_events

    subscription_events.resume(subscription_id)


@job(attempts=2)
def retry_failed_subscriptions() -> None:
    """Enqueue the retries whose day has come."""
    from funding.payments import care

    care.retry_what_is_due()


@job(attempts=2)
def warn_of_expiring_cards() -> None:
    """Write to those whose saved card ends with the next month."""
    from funding.payments import care

    care.warn_of_expiring_cards()


@job
def keep_card(payment_id: int) -> None:
    """Keep the card of a payment whose payer agreed to be charged again."""
    from funding.payments import mandates

    mandates.keep_card(payment_id)


@job
def charge_unattended(payment_id: int) -> None:
    """Charge a payment to the card that its payer agreed to."""
    from funding.payments import mandates

    mandates.charge(payment_id)


@job
def book_line(line_id: int) -> None:
    """Make the entry of one line of the processor, if all that it rests on is there by now."""
    from funding.payments import processor_books

    processor_books.book(line_id)


@job
def book_lost_dispute(dispute_id: int) -> None:
    """Say in the books that what a lost dispute held is gone."""
    from funding.payments import disputes

    disputes.book_lost(dispute_id)


@job(attempts=2)
def read_processor_lines() -> None:
    """Read the processor's own books, and make every entry that is missing in ours."""
    from funding.payments import processor_books

    processor_books.read_lines()
    processor_books.book_open()


@job(attempts=2)
def compare_with_processor() -> None:
    """Read everything at the processor that may be missing here, and report what differs."""
    from funding.payments import report

    report.nightly()


schedule.every("*/10 * * * *", read_missed_events, name="payments.read_missed_events")
schedule.every("5-59/10 * * * *", settle_late_payments, name="payments.settle_late_payments")
schedule.every("30 6 * * *", send_reminders, name="payments.send_reminders")
schedule.every("10 6 * * *", retry_failed_subscriptions, name="payments.retry_subscriptions")
schedule.every("20 6 * * *", warn_of_expiring_cards, name="payments.warn_of_expiring_cards")
schedule.every("8-59/10 * * * *", read_processor_lines, name="payments.read_processor_lines")
schedule.every("45 2 * * *", compare_with_processor, name="payments.compare_with_processor")
