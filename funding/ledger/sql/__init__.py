"""The ledger's database functions and rights, used by its migrations (and by `setup_roles`).

They hold the rules; Python holds the words. `funding.ledger.refusals` names each SQLSTATE (LG…).
Each text creates or replaces, so that a migration which changes one of them runs the text in force.
"""
