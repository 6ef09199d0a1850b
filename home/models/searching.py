"""What the search reads: one row a text that anyone may read, and the words they are made of.

`home.searching` fills both; why they are not Wagtail's index is said there.
"""

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import Q


class SearchEntry(models.Model):
    """One public text in the language of its words.

    ``readers`` are the languages under whose address a reader sees it, and ``paths`` where: a page
    that nobody has translated is read under every language and stands here once. The folded columns
    hold the same words in small letters without accents, ``accented`` those words that have some
    (`home.searching.folding`). ``vector`` is made of these by the database, title before text: a
    dictionary knows ``ações`` and ``ação`` for one word, and not what is left of them.
    """

    key = models.CharField(max_length=80)
    kind = models.CharField(max_length=20)
    language = models.CharField(max_length=10)
    config = models.CharField(max_length=20)
    title = models.TextField()
    text = models.TextField(blank=True)
    folded_title = models.TextField()
    folded_text = models.TextField(blank=True)
    accented = models.TextField(blank=True)
    readers: "ArrayField[list[str], list[str]]" = ArrayField(models.CharField(max_length=10))
    paths = models.JSONField()
    countries: "ArrayField[list[str], list[str]]" = ArrayField(
        models.CharField(max_length=2), default=list, blank=True
    )
    year = models.PositiveSmallIntegerField(null=True, blank=True)
    vector = SearchVectorField(null=True, editable=False)

    class Meta:
        verbose_name = "search entry"
        verbose_name_plural = "search entries"
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["key", "language"], name="search_entry_once"),
            models.CheckConstraint(
                condition=Q(readers__len__gte=1) & ~Q(title=""), name="search_entry_is_read"
            ),
        ]
        indexes = [GinIndex(fields=["vector"], name="search_entry_vector")]
        triggers = [
            pgtrigger.Trigger(
                name="search_entry_words",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.Update,
                func="""
                    NEW.vector :=
                        setweight(to_tsvector(NEW.config::regconfig, NEW.folded_title), 'A')
                        || setweight(to_tsvector(NEW.config::regconfig, NEW.folded_text), 'C')
                        || setweight(to_tsvector(NEW.config::regconfig, NEW.accented), 'C');
                    RETURN NEW;
                """,
            )
        ]

    def __str__(self) -> str:
        return f"{self.key} ({self.language})"


class SearchWord(models.Model):
    """A word that readers of a language can find, as it is spelt, and in how many texts it is."""

    language = models.CharField(max_length=10)
    word = models.CharField(max_length=60)
    folded = models.CharField(max_length=60)
    entries = models.PositiveIntegerField()

    class Meta:
        verbose_name = "word of the search"
        verbose_name_plural = "words of the search"
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["language", "word"], name="search_word_once")
        ]

    def __str__(self) -> str:
        return self.word
