"""What the search does by the clock. The imports are inside: the worker loads this early."""

from core.jobs import job, schedule


@job(attempts=3)
def rebuild_search() -> None:
    """Bring the search in line with what is public: days pass that no signal tells of."""
    from home.searching import upkeep

    upkeep.rebuild()


@job(attempts=3)
def forget_searches() -> None:
    """Delete the counts of queries that are older than WAGTAILSEARCH_HITS_MAX_AGE days."""
    from wagtail.contrib.search_promotions.models import Query, QueryDailyHits

    QueryDailyHits.garbage_collect()
    Query.garbage_collect()


schedule.every("12 * * * *", rebuild_search, name="home.rebuild_search")
schedule.every("37 3 * * *", forget_searches, name="home.forget_searches")
