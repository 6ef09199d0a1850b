"""The daily work of e-mail. The worker loads this module itself, since `core.jobs` is its own name."""

from core.jobs import job, schedule


@job
def tidy_log() -> None:
    """Empty and delete what the delivery log keeps no longer, and what the audit log names by it."""
    from core.mailing import forgetting, log

    log.tidy()
    forgetting.clear_old_labels()


schedule.every("27 3 * * *", tidy_log, name="core.tidy_mail_log")


@job(attempts=3)
def compare_with_log() -> None:
    """Find the messages that should have gone out and did not."""
    from core.mailing import expectations

    expectations.compare()


schedule.every("20 8 * * *", compare_with_log, name="core.compare_mail_log")
