"""Bank statements: read, imported, matched, confirmed; and channels that staff confirm by hand."""
