"""Payments from before the sandbox was there."""

import json
from pathlib import Path

from tests.sandbox.running import Running
from tests.sandbox.test_program import start

TOLD = {
    "payment_intent": "pi_before",
    "charge": "ch_before",
    "balance_transaction": "txn_before",
    "amount": 5_000,
    "currency": "usd",
    "created": 1_767_225_600,
    "description": "A gift",
    "name": "Ada Payer",
    "email": "ada@example.org",
    "metadata": {"payment": "1"},
}


def test_what_it_is_told_stands_as_if_it_had_been_paid_here(tmp_path: Path) -> None:
    file = tmp_path / "history.json"
    file.write_text(json.dumps([TOLD]))
    sandbox = Running(tmp_path / "state.sqlite3", "", "--history", str(file))
    try:
        intent = sandbox.json("/v1/payment_intents/pi_before")
        charge = sandbox.json("/v1/charges/ch_before")
        (line,) = sandbox.json("/v1/balance_transactions")["data"]
        assert (intent["status"], intent["latest_charge"]) == ("succeeded", "ch_before")
        assert (charge["paid"], charge["balance_transaction"]) == (True, "txn_before")
        assert (line["id"], line["amount"], line["fee"]) == ("txn_before", 5_000, 175)
        assert {thing["created"] for thing in (intent, charge, line)} == {TOLD["created"]}
        assert sandbox.json("/v1/balance")["available"][0]["amount"] == 4_825
        assert sandbox.json("/v1/events")["data"] == []

        sandbox.kill()
        sandbox.start()
        assert len(sandbox.json("/v1/balance_transactions")["data"]) == 1
    finally:
        sandbox.stop()


def test_a_file_that_is_no_history_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "history.json"
    for text in ("no json", '[{"charge": "ch_x"}]', "[1]"):
        file.write_text(text)
        state = tmp_path / "state.sqlite3"
        ended = start("--port", "0", "--state", str(state), "--history", str(file))
        assert ended.returncode == 2
        assert ended.stderr.startswith(f"sandbox: cannot use {file}")
        assert ended.stderr.count("\n") == 1
