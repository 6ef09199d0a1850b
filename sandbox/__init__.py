"""A stand-in for Stripe: a separate program in which no money moves. See README.md.

Standard library only; it imports nothing of the portal and the portal imports nothing of it.
"""
