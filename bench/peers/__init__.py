"""What is measured beside our ledger; run by the peer's own Python, so it imports nothing of ours
but `bench.pacing`."""
