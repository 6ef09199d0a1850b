"""Following: somebody without an account hears by e-mail of a pool, a country, a topic or the news.

`follows` is the way of a follow (asked for, confirmed, changed, ended), `subjects` what can be
followed, `changes` finds from facts what is to be told and writes a row for each reader once,
`letters` sends those rows at once or in a weekly digest, `views` are the pages.
"""
