"""Keeps one worker a queue alive: starts it again when it dies or when the database comes back.

Mail has a queue, and so a process, of its own: a mail server that hangs never holds up money.
Workers are forks of the supervisor, so a new one is there at once.
"""

import logging
import os
import signal
import socket
import time
from dataclasses import dataclass
from types import FrameType

from django.db import connections
from django.utils.crypto import get_random_string

from core.jobs.worker import QueueWorker

logger = logging.getLogger("core.jobs")

LOOK_SECONDS = 0.1
LONGEST_PAUSE = 5.0
SETTLED_SECONDS = 30.0


@dataclass
class Post:
    """A queue's place for a worker: who holds it, who died in it, when the next one may start."""

    queue: str
    worker_id: str = ""
    pid: int = 0
    dead_ids: tuple[str, ...] = ()
    started: float = 0.0
    failures: int = 0
    not_before: float = 0.0


class Supervisor:
    """``run`` blocks until SIGTERM or SIGINT, then gives the jobs in hand ``grace`` seconds."""

    def __init__(self, queues: list[str], grace: float) -> None:
        self.posts = [Post(queue) for queue in queues]
        self.grace = grace
        self.stopping = False

    def stop(self, signum: int, frame: FrameType | None) -> None:
        self.stopping = True

    def run(self) -> None:
        signal.signal(signal.SIGTERM, self.stop)
        signal.signal(signal.SIGINT, self.stop)
        while not self.stopping:
            for post in self.posts:
                if not post.pid and time.monotonic() >= post.not_before:
                    self._start(post)
            self._look()
            time.sleep(LOOK_SECONDS)
        self._end()

    def _start(self, post: Post) -> None:
        # A connection must never be shared between two processes.
        connections.close_all()
        post.worker_id = f"{socket.gethostname()[:40]}-{get_random_string(16)}"
        supervisor_pid = os.getpid()
        post.pid = os.fork()
        if post.pid == 0:
            status = 1
            try:
                worker = QueueWorker(post.worker_id, post.queue, supervisor_pid)
                status = worker.run(predecessors=post.dead_ids)
            except BaseException:
                logger.exception("queue %s: the worker broke", post.queue)
            finally:
                logging.shutdown()
                os._exit(status)
        post.started = time.monotonic()
        logger.info("queue %s: worker %d started", post.queue, post.pid)

    def _look(self) -> None:
        """Notice workers that ended and say when the next one starts."""
        for post in self.posts:
            if not post.pid:
                continue
            pid, status = os.waitpid(post.pid, os.WNOHANG)
            if not pid:
                continue
            how = _ending(status)
            # A worker that lived a while says nothing about the next one's chances.
            lived = time.monotonic() - post.started
            settled = lived > SETTLED_SECONDS
            post.failures = 1 if settled else post.failures + 1
            pause = min(0.2 * 2 ** (post.failures - 1), LONGEST_PAUSE)
            post.not_before = time.monotonic() + pause
            # One that ended early may not have buried those before it.
            earlier = () if settled else post.dead_ids[-50:]
            post.dead_ids, post.worker_id, post.pid = (*earlier, post.worker_id), "", 0
            if not self.stopping:
                logger.warning(
                    "queue %s: worker %d %s; another starts in %.1f s", post.queue, pid, how, pause
                )

    def _end(self) -> None:
        logger.info("stopping; jobs in hand have %.0f seconds", self.grace)
        self._signal_all(signal.SIGTERM)
        until = time.monotonic() + self.grace
        while any(post.pid for post in self.posts) and time.monotonic() < until:
            self._look()
            time.sleep(0.05)
        for post in self.posts:
            if post.pid:
                logger.warning("queue %s: the job in hand is cut off and runs again", post.queue)
        self._signal_all(signal.SIGKILL)
        for post in self.posts:
            if post.pid:
                os.waitpid(post.pid, 0)
        logger.info("stopped")

    def _signal_all(self, number: signal.Signals) -> None:
        for post in self.posts:
            if post.pid:
                os.kill(post.pid, number)


def _ending(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        return f"was killed by {signal.Signals(-code).name}"
    return f"ended with status {code}"
