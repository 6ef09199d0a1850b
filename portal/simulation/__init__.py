"""A year of giving that never was, made by the portal's own functions on a moved clock.

`plan` says what happens when, as plain data that follow from a seed; `acts` does it; what Stripe
would have said stands in `funding.payments.simulated_processor`. For trying pages, exports and the
verifier on more than a demo holds; never on a database that holds anything.
"""
