"""The daily work of dues. The modules that do it enqueue jobs too, so the imports are inside."""

from core.jobs import job, schedule


@job(attempts=3)
def renew_terms() -> None:
    """Offer renewals, remind of them, and end what nobody took up: changes of tier, too."""
    from funding.dues import changing, renewal

    changing.end_unpaid()
    renewal.run()


@job(attempts=3)
def earn_dues() -> None:
    """Earn the month that is over."""
    from funding.dues import earning

    earning.earn_last_month()


@job(attempts=5)
def move_renewal(change_id: int) -> None:
    """Bill an offered renewal anew, after the tier of its term changed."""
    from funding.dues import changing

    changing.move_renewal(change_id)


schedule.every("20 5 * * *", renew_terms, name="dues.renew_terms")
schedule.every("40 12 1 * *", earn_dues, name="dues.earn_dues")
