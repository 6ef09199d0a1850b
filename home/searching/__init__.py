"""The search over everything that anyone may read.

What Wagtail brings was looked at first. Its PostgreSQL backend keeps one row an object in one table,
written with one configuration: a second backend for a second language overwrites the rows of the
first, and each object would be looked for in the wrong language. It counts one facet a query, knows
no facets over several models at once (pages, organisations, agreements), highlights nothing, and its
aliases of untranslated pages are found once a language. So the words are Wagtail's (each page's
``search_fields``), its editors' picks and counts of queries are used (`home.searching.picks`), and
the index is one table of our own, `home.models.SearchEntry`:

- `sources` says what there is to find: texts, in the language of their words, with their addresses;
- `upkeep` keeps the table in line with that, at once where a signal tells, hourly as a whole;
- `asking` reads it, in two queries whatever was asked and however much there is;
- `words` knows which words there are, and finds the nearest for one that is none.

Nothing here needs an extension of PostgreSQL: accents are taken off in Python (`folding`).
"""
