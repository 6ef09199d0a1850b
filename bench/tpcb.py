"""pgbench on both sides: its own TPC-B, and `ledger_post` called by it."""

import datetime
import os
import re
import shutil
import tempfile
from pathlib import Path

from bench.client import CURRENCY, POOLS, pool_code
from bench.stage import Stage, Unavailable, ask, run, say
from portal import database

SCALE = 10  # pgbench's manual: at least the number of clients, else they wait for one another
TPCB = "bench_tpcb"
# The rows that our writers update again and again. pgbench vacuums those of TPC-B before a run.
KEPT = ("ledger_accountbalance", "ledger_figuretotal")

ENTRIES = "SELECT count(*) FROM ledger_entry"


def pgbench() -> str:
    """Where pgbench is; the embedded server comes without it."""
    found = [shutil.which("pgbench")]
    found += [
        str(path)
        for path in sorted(Path("/usr/lib/postgresql").glob("*/bin/pgbench"), reverse=True)
    ]
    for path in found:
        if path:
            return path
    raise Unavailable(
        "There is no pgbench on PATH or in /usr/lib/postgresql/*/bin. It comes with PostgreSQL's "
        "own packages: postgresql-contrib, or postgresql-NN, in Debian."
    )


def version() -> str:
    return run([pgbench(), "--version"], os.environ, "pgbench").strip()


def post_script(spread: bool) -> str:
    """What pgbench runs in place of TPC-B: one gift, as `templates.bank_gift` makes it.

    Change this where the signature of `ledger_post` changes. ``spread``: over all pools, each with
    accounts of its own; else all on the first.
    """
    pool = pool_code(0).removesuffix("0")
    today = datetime.date.today().isoformat()  # noqa: DTZ011 (an effective date is a plain day)
    code = f"'{pool}' || :pool::int"
    return f"""\\set pool {f"random(1, {POOLS})" if spread else 1}
\\set amount random(1, 100000)
\\set unique random(1, 4611686018427387904)
SELECT * FROM public.ledger_post(
    'bench:' || :client_id::int || ':' || :unique::bigint, repeat('a5', 32), 'bank-gift',
    '{today}', '', 'gift:' || :unique::bigint, null, false, '', '{{}}', sha256('salt'),
    ARRAY[{code}, {code}], '{{bank,contributions}}', '{{{CURRENCY},{CURRENCY}}}',
    ARRAY[:amount::bigint, -:amount::bigint], ARRAY[{code}], '{{{CURRENCY}}}', '{{received}}',
    ARRAY[:amount::bigint]);
"""


def _measure(
    stage: Stage, name: str, role: str, clients: int, seconds: float, *more: str
) -> tuple[float, int]:
    """Transactions a second of one run of pgbench, connecting left out, and how many they were."""
    threads = min(clients, os.cpu_count() or 1)
    said = run(
        [pgbench(), "--protocol=prepared", f"--client={clients}", f"--jobs={threads}",
         f"--time={max(1, round(seconds))}", "--host", str(stage.server.socket_folder),
         "--port", str(database.PORT), "--username", role, *more, name],
        os.environ,
        "pgbench",
    )  # fmt: skip
    failed = re.search(r"number of failed transactions: (\d+)", said)
    if failed and int(failed[1]):
        raise Unavailable(f"{failed[1]} transactions of pgbench failed.")
    found = re.search(r"tps = ([\d.]+) \(without initial", said)
    count = re.search(r"transactions actually processed: (\d+)", said)
    if found is None or count is None:
        raise Unavailable(f"pgbench gave no rate:\n{said}")
    return float(found[1]), int(count[1])


def prepare(stage: Stage) -> None:
    """Make TPC-B's tables at `SCALE`, once."""
    if TPCB in stage.made:
        return
    pgbench()
    say(f"Filling pgbench's tables at scale {SCALE} …")
    database.create_database(stage.server, TPCB)
    run(
        [pgbench(), "--initialize", "--quiet", f"--scale={SCALE}",
         "--host", str(stage.server.socket_folder), "--port", str(database.PORT),
         "--username", database.OWNER_ROLE, TPCB],
        os.environ,
        "pgbench --initialize",
    )  # fmt: skip
    stage.made.add(TPCB)


def tpcb_rate(stage: Stage, clients: int, seconds: float) -> float:
    """Transactions a second of the built-in TPC-B."""
    return _measure(stage, TPCB, database.OWNER_ROLE, clients, seconds)[0]


def post_rate(stage: Stage, name: str, clients: int, seconds: float, *, spread: bool) -> float:
    """Entries a second that pgbench posts by `ledger_post`, as the portal's own role."""
    for table in KEPT:
        if ask(stage.server, f"SELECT to_regclass('public.{table}')", name):
            ask(stage.server, f"VACUUM {table}", name)
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(post_script(spread))
        file.flush()
        script = f"--file={file.name}"
        more = ["--no-vacuum", script]
        before = ask(stage.server, ENTRIES, name)
        rate, count = _measure(stage, name, database.APP_ROLE, clients, seconds, *more)
        posted = ask(stage.server, ENTRIES, name) - before
    if posted != count:
        raise Unavailable(f"pgbench ran {count} transactions, but {posted} entries came of them.")
    return rate
