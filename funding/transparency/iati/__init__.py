"""The foundation's activities and the foundation itself as IATI 2.03 (iatistandard.org).

`mapping` says which figure of the ledger becomes which transaction, `reading` asks the ledger for
them row by row, `activities` and `organisation` write the two files.
"""
