"""The sandbox's memory: one SQLite file that outlives the process, kill -9 included.

Every request runs in one transaction under one lock, so an object, its events, their webhooks
and the saved answer of an idempotency key appear together or not at all.
"""

import json
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sandbox.errors import Json

FORMAT = 1
SCHEMA = """
CREATE TABLE objects (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, type TEXT NOT NULL,
    created INTEGER NOT NULL, body TEXT NOT NULL
);
CREATE INDEX objects_by_type ON objects (type, seq);
CREATE TABLE answers (
    key TEXT PRIMARY KEY, endpoint TEXT NOT NULL, parameters TEXT NOT NULL,
    status INTEGER NOT NULL, body TEXT NOT NULL, created REAL NOT NULL
);
CREATE TABLE work (
    id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, object TEXT NOT NULL,
    due REAL NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, error TEXT NOT NULL DEFAULT ''
);
CREATE INDEX work_by_kind ON work (kind, due);
CREATE INDEX work_by_object ON work (object);
"""
CONDITIONS = {
    "gt": "created > ?",
    "gte": "created >= ?",
    "lt": "created < ?",
    "lte": "created <= ?",
    "status is not": "json_extract(body, '$.status') <> ?",
    "starting_after": "seq < (SELECT seq FROM objects WHERE id = ?)",
    "ending_before": "seq > (SELECT seq FROM objects WHERE id = ?)",
}


@dataclass(frozen=True)
class Work:
    """Something to do at a time: deliver an event, settle a charge, expire a session."""

    id: int
    kind: str
    object: str
    due: float
    attempts: int
    error: str


@dataclass(frozen=True)
class Answer:
    """What was answered to the first request with an idempotency key."""

    endpoint: str
    parameters: str
    status: int
    body: str


class Store:
    """All reads and writes happen inside `with store.transaction():`."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._work_added = False
        self.work_waits = threading.Condition()
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5)
        self._db.execute("PRAGMA journal_mode = WAL")
        with self.transaction():
            found = self._db.execute("PRAGMA user_version").fetchone()[0]
            if found not in (0, FORMAT):
                raise sqlite3.DatabaseError("it was written by another version of the sandbox")
            if found == 0:
                for statement in filter(str.strip, SCHEMA.split(";")):
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA user_version = {FORMAT}")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self._lock:
            self._work_added = False
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")
            added = self._work_added
        if added:
            with self.work_waits:
                self.work_waits.notify_all()

    def close(self) -> None:
        with self._lock:
            self._db.close()

    # Objects

    def put(self, thing: Json) -> Json:
        """Keep an object, new or changed. Its place in lists is that of its first writing."""
        self._db.execute(
            "INSERT INTO objects (id, type, created, body) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (id) DO UPDATE SET body = excluded.body",
            (thing["id"], thing["object"], thing["created"], json.dumps(thing)),
        )
        return thing

    def get(self, key: str, kind: str = "") -> Json | None:
        row = self._db.execute(
            "SELECT body FROM objects WHERE id = ? AND type = coalesce(nullif(?, ''), type)",
            (key, kind),
        ).fetchone()
        return json.loads(row[0]) if row else None

    def page(
        self,
        kind: str,
        conditions: Sequence[tuple[str, object]],
        *,
        types: Sequence[str] = (),
        limit: int,
        backwards: bool = False,
    ) -> tuple[list[Json], bool]:
        """Objects of a type, newest first, and whether there are more beyond them.

        Conditions are those of `CONDITIONS` with their values, or a path in the object to equal.
        """
        where: list[str] = ["type = ?"]
        values: list[object] = [kind]
        for name, value in conditions:
            where.append(CONDITIONS.get(name, "json_extract(body, ?) = ?"))
            values += [value] if name in CONDITIONS else [f"$.{name}", value]
        if types:
            where.append(f"json_extract(body, '$.type') IN ({', '.join('?' * len(types))})")
            values += types
        order = "ASC" if backwards else "DESC"
        rows = self._db.execute(
            # Only constants of this module are joined into the statement.
            f"SELECT body FROM objects WHERE {' AND '.join(where)} ORDER BY seq {order} LIMIT ?",  # noqa: S608
            (*values, limit + 1),
        ).fetchall()
        found = [json.loads(body) for (body,) in rows[:limit]]
        return (found[::-1] if backwards else found), len(rows) > limit

    def count(self, kind: str) -> int:
        found = self._db.execute("SELECT count(*) FROM objects WHERE type = ?", (kind,))
        return found.fetchone()[0]

    # Saved answers

    def answer(self, key: str) -> Answer | None:
        row = self._db.execute(
            "SELECT endpoint, parameters, status, body FROM answers WHERE key = ?", (key,)
        ).fetchone()
        return Answer(*row) if row else None

    def remember_answer(self, key: str, answer: Answer) -> None:
        """Stripe forgets keys after a day or more; so does this."""
        self._db.execute("DELETE FROM answers WHERE created < ?", (time.time() - 2 * 86_400,))
        self._db.execute(
            "INSERT INTO answers VALUES (?, ?, ?, ?, ?, ?)",
            (key, answer.endpoint, answer.parameters, answer.status, answer.body, time.time()),
        )

    # Work

    def add_work(self, kind: str, key: str, due: float) -> None:
        self._db.execute("INSERT INTO work (kind, object, due) VALUES (?, ?, ?)", (kind, key, due))
        self._work_added = True

    def next_work(self, kinds: Sequence[str]) -> Work | None:
        """The work of these kinds that is due first, whether or not its time has come."""
        marks = ", ".join("?" * len(kinds))
        row = self._db.execute(
            f"SELECT * FROM work WHERE kind IN ({marks}) ORDER BY due, id LIMIT 1",  # noqa: S608
            tuple(kinds),
        ).fetchone()
        return Work(*row) if row else None

    def waiting_work(self, kind: str, limit: int) -> list[Work]:
        rows = self._db.execute(
            "SELECT * FROM work WHERE kind = ? ORDER BY id LIMIT ?", (kind, limit)
        )
        return [Work(*row) for row in rows]

    def is_waiting(self, kind: str, key: str) -> bool:
        row = self._db.execute(
            "SELECT 1 FROM work WHERE object = ? AND kind = ?", (key, kind)
        ).fetchone()
        return row is not None

    def move_work(self, kind: str, new_kind: str, *, backwards: bool = False) -> int:
        """Turn all work of a kind into another kind, due at once, in its order or backwards."""
        order = "DESC" if backwards else "ASC"
        rows = self._db.execute(
            f"SELECT id FROM work WHERE kind = ? ORDER BY id {order}",  # noqa: S608
            (kind,),
        ).fetchall()
        for place, (key,) in enumerate(rows):
            # Times long past, one after the other, keep the order.
            moved = (new_kind, place / 1000, key)
            self._db.execute("UPDATE work SET kind = ?, due = ? WHERE id = ?", moved)
        self._work_added = True
        return len(rows)

    def finish_work(self, work: Work) -> None:
        self._db.execute("DELETE FROM work WHERE id = ?", (work.id,))

    def postpone_work(self, work: Work, due: float, error: str) -> None:
        self._db.execute(
            "UPDATE work SET due = ?, attempts = attempts + 1, error = ? WHERE id = ?",
            (due, error, work.id),
        )
