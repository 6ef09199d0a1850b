"""One worker process: it takes the jobs of one queue, one after the other.

It ends by itself when the database goes away, when its supervisor is gone or when it was taken for
dead; the supervisor then starts another. That is the whole of its error handling: what was in its
hands is taken up again by recovery.
"""

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Iterable
from types import FrameType

from django.db import InterfaceError, OperationalError, close_old_connections, connection
from django.db.models.functions import Now

from core.jobs import recovery, schedule
from core.jobs.execution import claim_next, execute
from core.jobs.models import Worker

logger = logging.getLogger("core.jobs")

POLL_SECONDS = 0.25
UPKEEP_SECONDS = 5.0
DATABASE_AWAY = 3  # exit status


class QueueWorker:
    """``run`` returns the exit status: 0 after ``stop``, DATABASE_AWAY, or 1."""

    def __init__(self, worker_id: str, queue: str, supervisor_pid: int) -> None:
        self.worker_id = worker_id
        self.queue = queue
        self.supervisor_pid = supervisor_pid
        self.stopping = False
        self.last_upkeep = 0.0
        self.heartbeat = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def stop(self, signum: int = 0, frame: FrameType | None = None) -> None:
        """Finish the job in hand, take no other."""
        self.stopping = True

    def run(self, predecessors: Iterable[str] = ()) -> int:
        """Work until told to stop. ``predecessors``: workers known to be dead, to be buried."""
        signal.signal(signal.SIGTERM, self.stop)
        signal.signal(
            signal.SIGINT, signal.SIG_IGN
        )  # Ctrl-C reaches us too; the supervisor decides
        try:
            self._register()
            for dead in predecessors:
                recovery.bury(dead)
            recovery.bury_the_unknown()
            self.heartbeat.start()
            while not self.stopping and self.heartbeat.is_alive():
                self._upkeep()
                if not self._work_off_one() and not self.stopping:
                    time.sleep(POLL_SECONDS)
            graceful = self.stopping
            self.stopping = True
            Worker.objects.filter(pk=self.worker_id).delete()
        except (OperationalError, InterfaceError) as error:
            logger.warning("queue %s: no database (%s)", self.queue, str(error).strip())
            return DATABASE_AWAY
        return 0 if graceful else 1

    def _register(self) -> None:
        Worker.objects.create(
            worker_id=self.worker_id,
            queue=self.queue,
            host=socket.gethostname(),
            pid=os.getpid(),
            started_at=Now(),
            seen_at=Now(),
        )

    def _upkeep(self) -> None:
        """Every few seconds: the dead are buried and what is due by the schedule is enqueued."""
        if time.monotonic() - self.last_upkeep < UPKEEP_SECONDS:
            return
        self.last_upkeep = time.monotonic()
        recovery.bury_the_dead()
        schedule.enqueue_due()

    def _work_off_one(self) -> bool:
        close_old_connections()
        row = claim_next(self.worker_id, self.queue)
        if row is None:
            return False
        execute(row)
        return True

    def _beat(self) -> None:
        """In a thread with a connection of its own, so that a long job does not silence it."""
        while not self.stopping:
            if os.getppid() != self.supervisor_pid:
                logger.warning("queue %s: the supervisor is gone", self.queue)
                self.stopping = True
            try:
                if not Worker.objects.filter(pk=self.worker_id).update(seen_at=Now()):
                    logger.warning("queue %s: this worker was taken for dead", self.queue)
                    self.stopping = True
            except (OperationalError, InterfaceError):
                connection.close()  # the main thread meets the same and ends the process
            time.sleep(recovery.HEARTBEAT.total_seconds())
        connection.close()
