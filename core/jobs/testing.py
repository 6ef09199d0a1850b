"""For tests: the work of the worker, here and now."""

from core.jobs.execution import claim_next, execute


def run_pending_jobs(*, limit: int = 200, raise_errors: bool = True) -> int:
    """Run every job that is due, also those that they enqueue; how many ran.

    What a job raises is raised here, after its row was marked as the worker would; with
    ``raise_errors=False`` it is left in the row. Raises AssertionError past ``limit`` jobs, since
    then some job enqueues itself for ever.
    """
    ran = 0
    while (row := claim_next("test")) is not None:
        ran += 1
        assert ran <= limit, f"More than {limit} jobs; the last was {row.task_path}."
        error = execute(row)
        if error is not None and raise_errors:
            raise error
    return ran
