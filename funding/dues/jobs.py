"""The daily work of dues. The modules that do it enqueue jobs too, so the imports are inside."""

from core.jobs import job, schedule


@job(attempts=3)
def renew_terms() -> None:
    """Offer renewals, remind of them, and end what nobody took up."""
    from funding.dues import renewal

    renewal.run()


@job(attempts=3)
def earn_dues() -> None:
    """Earn the month that is over."""
    from funding.dues import earning

    earning.earn_last_month()


schedule.every("20 5 * * *", renew_terms, name="dues.renew_terms")
schedule.every("40 12 1 * *", earn_dues, name="dues.earn_dues")
