"""What following does by the clock. The imports are inside: the worker loads this early."""

from core.jobs import job, schedule


@job(attempts=3)
def tell_followers() -> None:
    """Find what happened since, write it down for those who follow it, and send what goes at once."""
    from home.following import changes, letters

    changes.tell()
    letters.send_at_once()


@job(attempts=3)
def send_follow_digests() -> None:
    """Send those who hear weekly what happened since the last time."""
    from home.following import letters

    letters.send_digests()


@job(attempts=3)
def tidy_follows() -> None:
    """Delete follows that nobody confirmed within a week and those of dead addresses."""
    from home.following import changes, follows

    follows.tidy()
    changes.tidy()


schedule.every("*/10 * * * *", tell_followers, name="home.tell_followers")
schedule.every("0 6 * * 1", send_follow_digests, name="home.send_follow_digests")
schedule.every("47 3 * * *", tidy_follows, name="home.tidy_follows")
