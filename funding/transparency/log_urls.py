"""Addresses of the public log (docs/ledger-format.md): for programs, the same in every language."""

from django.urls import path

from funding.transparency import log, statement_views

urlpatterns = [
    path("checkpoint", log.checkpoint, name="ledger_checkpoint"),
    path("checkpoints/<int:size>", log.checkpoint_of_size, name="ledger_checkpoint_of_size"),
    path("keys.txt", log.keys, name="ledger_keys"),
    path("tile/<path:rest>", log.tile, name="ledger_tile"),
    path("statements/<str:month>.sha256", statement_views.hashes, name="ledger_statement_hashes"),
    path("entries.jsonl", log.download, name="ledger_jsonl"),
    path("entries/<int:number>.tlog-proof", log.proof, name="ledger_proof"),
    path("ledger.beancount", log.as_beancount, name="ledger_beancount"),
]
