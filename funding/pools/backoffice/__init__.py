"""Pools, donors, gifts and pledges in the Wagtail admin."""
