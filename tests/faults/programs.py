"""The programs that are killed: writers, a sealer and a handler of payments, each a process.

They use the portal's own functions, as its web processes and its worker do. What is planted in them
on purpose is named by `Order.planted`.
"""

import dataclasses
import functools
import os
import random
import signal
import time
import traceback
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import psycopg2
from django.conf import settings
from django.db import Error, connection
from django.db.models.functions import Now
from django_tasks_db.models import DBTaskResult

from core.jobs import recovery
from core.jobs.execution import claim_next, execute
from core.models import User
from core.transactions import use_case
from funding.ledger import checkpoints, proofs, templates
from funding.ledger.entries import NewEntry
from funding.ledger.models import Checkpoint, Entry, Pool
from funding.ledger.posting import post, post_many, reverse
from funding.ledger.refusals import NotEnoughAvailable
from funding.payments import inbox, present_state, progress, reconciliation
from funding.payments.models import Payment
from tests.factories.ledger import A_DAY
from tests.factories.payments import make_payment, outcome, received, settlement, state
from tests.faults.oracle import Note, Oracle

T = TypeVar("T")
POOLS = ("north", "south")


@dataclasses.dataclass(frozen=True)
class Order:
    """Which program is to run on what. Its kind is its name up to the hyphen."""

    name: str
    database: str
    folder: str  # of the oracle and the checkpoints
    # A writer ends after its act of this number, a sealer after one look, a handler when it took in
    # so many payments and no job waits.
    acts: float = float("inf")
    # How likely a writer dies between a commit and its note: the acknowledgement is lost.
    forgets: float = 0.0
    planted: str = ""


# --- The writer -----------------------------------------------------------------------------------


def planned(writer: str, number: int) -> tuple[NewEntry, ...]:
    """What a writer posts as its act ``number``: the same whenever it is asked."""
    dice = random.Random(f"{writer}:{number}")
    event = f"{writer}:{number}"
    here, there = dice.sample(POOLS, 2)
    if dice.random() < 0.2:
        transfer = templates.transfer_between_pools(
            key=event,
            source=f"event:{event}",
            pool=here,
            to_pool=there,
            currency="USD",
            date=A_DAY,
            amount=dice.choice([100, 5_000, 10**12]),  # the last is more than there is
        )
        return (transfer,)
    return tuple(
        templates.card_gift(
            key=f"{event}:{part}",
            source=f"event:{event}:{part}",
            pool=dice.choice(POOLS),
            currency="USD",
            date=A_DAY,
            gross=dice.randint(500, 10_000),
            fee=dice.randint(0, 300),
        )
        for part in range(dice.choice([1, 1, 1, 3]))
    )


def reversal_of(entry: NewEntry, number: int) -> NewEntry:
    """What `reverse` must make of an entry that stands under ``number``, by its own reckoning."""
    return dataclasses.replace(
        entry,
        key=f"reverse:{number}",
        kind="reversal",
        memo="Entered twice",
        source=f"entry:{number}",
        reverses=number,
        decision=False,
        lines=tuple(dataclasses.replace(x, amount=-x.amount) for x in entry.lines),
        figures=tuple(dataclasses.replace(x, amount=-x.amount) for x in entry.figures),
    )


def act(order: Order, number: int, before: list[Note], officer: User) -> list[Note]:
    """Post what is planned, or reverse what the act before this one posted; what is to be noted."""
    entries = planned(order.name, number)
    if order.planted == "fresh key":
        entries = tuple(dataclasses.replace(entry, key=str(uuid.uuid4())) for entry in entries)
    try:
        with use_case():
            if number % 7 == 0 and len(before) == 1 and "entry" in before[0]:
                wrong = Entry.objects.get(pk=before[0]["entry"])
                (entry,) = planned(order.name, number - 1)
                entries = (reversal_of(entry, wrong.pk),)
                posted = [reverse(wrong, reason="Entered twice", by=officer, date=entry.date)]
            elif len(entries) > 1:
                posted = post_many(entries)
            else:
                posted = [post(entries[0])]
    except NotEnoughAvailable:
        return [{"act": number, "refused": entries[0].key}]
    return [
        {
            "act": number,
            "key": entry.key,
            "hash": entry.content_hash(),
            "entry": answer.entry_id,
            "replayed": answer.replayed,
        }
        for entry, answer in zip(entries, posted, strict=True)
    ]


def write(order: Order, oracle: Oracle) -> None:
    """Act after act, each until it is answered: with the same keys, since the answer may be lost."""
    officer = until_answered(User.objects.get)
    notes = oracle.notes()
    number = notes[-1]["act"] if notes else 0
    before = [note for note in notes if note["act"] == number]
    while number < order.acts:
        number += 1
        notes = until_answered(functools.partial(act, order, number, before, officer))
        if random.random() < order.forgets:
            die()
        oracle.note(*notes)
        before = notes


# --- The sealer -----------------------------------------------------------------------------------


def seal(order: Order, oracle: Oracle) -> None:
    """Publish checkpoints as the worker's job does; remember each, and every leaf below it."""
    size = max((note["size"] for note in oracle.notes()), default=0)

    def publish() -> Note | None:
        checkpoints.publish()
        newest = Checkpoint.objects.last()
        if newest is None or newest.size == size:
            return None
        leaves = proofs.hashes(0, size, newest.size - size)
        return {"size": newest.size, "note": newest.note, "leaves": [x.hex() for x in leaves]}

    looks = 0
    while looks < order.acts:
        looks += 1
        if note := until_answered(publish):
            oracle.note(note)
            size = note["size"]
        time.sleep(0.1)


# --- The handler ----------------------------------------------------------------------------------


def stripe_says(intent_id: str) -> present_state.PresentState:
    """In the place of Stripe: the payment of this intent is paid and settled."""
    payment = Payment.objects.get(pk=int(intent_id.removeprefix("pi_")))
    return state(payment, settlement=settlement(payment))


def settle_in_two_transactions(payment_id: int) -> bool:
    """The planted fault: post, and only then mark the payment as in the books."""
    payment = Payment.objects.get(pk=payment_id)
    with use_case():
        post(outcome.entry(payment, settlement(payment)))
    die()
    with use_case():
        progress.settle(payment_id, settlement(payment))
    return True


def handle(order: Order, oracle: Oracle) -> None:
    """Take in news of paid payments as the webhook does, and do the jobs that follow as the worker.

    An event is noted once it is kept: then Stripe was told so, and will not send it again.
    """
    present_state.of_intent = stripe_says
    if order.planted == "two transactions":
        reconciliation.settle_one = settle_in_two_transactions

    def take_in() -> None:
        pool = Pool.objects.get(code=POOLS[0])
        payment = make_payment(pool=pool, purpose_id=uuid.uuid4().int % 2**31)
        thing = {"id": f"pi_{payment.pk}", "metadata": {"payment": str(payment.public_id)}}
        event = received("payment_intent.succeeded", thing)
        inbox.receive(event, "webhook")
        oracle.note({"event": event.id, "payment": payment.pk})

    def jobs_wait() -> bool:
        recovery.bury(order.name)  # what a former life, or a lost connection, left in our hands
        if taken_in >= order.acts:
            DBTaskResult.objects.filter(status="READY").update(run_after=Now())
        while row := claim_next(order.name):
            execute(row)
        return DBTaskResult.objects.filter(status__in=["READY", "RUNNING"]).exists()

    taken_in = 0
    while until_answered(jobs_wait) or taken_in < order.acts:
        if taken_in < order.acts:
            until_answered(take_in)
            taken_in += 1


# --- What they share ------------------------------------------------------------------------------


def until_answered(what: Callable[[], T]) -> T:
    """Do it until the database answers: what is lost with a connection is asked once more."""
    while True:
        try:
            return what()
        except Error as error:
            if not was_cut_off(error.__cause__):
                raise
            connection.close()
            time.sleep(0.1)


def was_cut_off(cause: BaseException | None) -> bool:
    """Whether the connection was lost or not to be had; every other error is the ledger's to avoid.

    The class does not tell: psycopg2 has a plain DatabaseError for some losses, and an
    OperationalError for a deadlock.
    """
    if not isinstance(cause, psycopg2.Error) or isinstance(cause, psycopg2.ProgrammingError):
        return False
    return (cause.pgcode or "57P")[:3] == "57P"  # no word of the server's, or that it is going


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def run(order: Order) -> None:
    """The program's life. What nobody foresaw is noted, for the judge to read."""
    connection.settings_dict["NAME"] = order.database
    if order.planted == "not durable":
        connection.settings_dict["OPTIONS"]["options"] = "-c synchronous_commit=off"
    folder = Path(order.folder)
    settings.LEDGER_CHECKPOINT_DIR = str(folder / "checkpoints")
    program = {"writer": write, "sealer": seal, "handler": handle}[order.name.partition("-")[0]]
    try:
        program(order, Oracle(folder / "oracle", order.name))
    except Exception:
        error = {"program": order.name, "error": traceback.format_exc()}
        Oracle(folder / "oracle", "unexpected").note(error)
