"""News from a CSV file or a feed of another site: looked at first, then brought as drafts.

Nothing is ever published by an import. A row that has errors is left out, a row that was brought
before is known by its id at its source and brought no second time, and a person may leave out any
other. What other sites write as HTML becomes the few features of our text block, and nothing else.
"""
