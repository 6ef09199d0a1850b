"""Years of giving and of membership that never were, made by the portal's own functions and daily
jobs on a moved clock.

`plan` says what happens when, as plain data that follow from a seed (`giving_plan`, `member_plan`);
`acts` does it (`giving_acts`, `member_acts`, on the `stage` that both share); what Stripe would have
said stands in `funding.payments.simulated_processor`. For trying pages, exports and the verifiers on
more than a demo holds; never on a database that holds anything.
"""
