"""The ledger's benchmarks: `make bench-ledger` (README.md says what is measured, and how)."""
