"""The read-only JSON API (docs/open-data.md): what pages show of money, for programs.

`endpoints` says what there is, `schemas` what it looks like, `reading` asks for it; `service` is
what holds for every answer: methods, origins, limits, tags, and refusals.
"""
