"""The template language of staff's texts: ``{{ variables }}``, ``if``, ``for``, a few filters.

Nothing here loads, includes, calls or reads anything beyond the values a message is filled with.
"""

from django.template import Library, defaultfilters, defaulttags

register = Library()
TAGS = ("if", "elif", "else", "endif", "for", "empty", "endfor")
FILTERS = ("capfirst", "default", "join", "length", "lower", "title", "upper", "yesno")

register.tag("if", defaulttags.do_if)
register.tag("for", defaulttags.do_for)
for _name in FILTERS:
    register.filter(_name, getattr(defaultfilters, _name))
