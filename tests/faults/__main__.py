"""``python -m tests.faults``: the nursery of the programs that are killed.

It sets up Django once and forks a program for each order that it reads, so that one that was killed
is back within milliseconds. It ends with its input, and all its programs with it.
"""

import json
import os
import random
import signal
import sys

import django

from portal import processes

django.setup()

from django.urls import get_resolver  # noqa: E402
from wagtail.log_actions import registry  # noqa: E402

from tests.faults.programs import Order, run  # noqa: E402

# Loaded now, not by every program for itself.
registry.scan_for_actions()
ready = bool(get_resolver().url_patterns)

signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them: the kernel buries them
print("ready" if ready else "", flush=True)
for line in sys.stdin:
    order = Order(**json.loads(line))
    with_us = processes.die_with_parent(signal.SIGKILL)
    pid = os.fork()
    if pid == 0:
        try:
            with_us()
            random.seed()
            run(order)
        finally:
            os._exit(0)
    print(pid, flush=True)
