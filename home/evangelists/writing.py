"""The letters around the service of an evangelist, each in its reader's language."""

from typing import Any

from django.utils.translation import override

from core.mail import enqueue_mail
from core.models import User
from core.transactions import inside_transaction
from home.models import Evangelist
from membership.links import path_in


def about(evangelist: Evangelist, what: str) -> str:
    """What the delivery log calls a letter: a number, never a name."""
    return f"evangelist:{evangelist.pk}/{what}"


@inside_transaction
def tell(
    person: User, template: str, *, about: str, page: str = "account_evangelist", **context: Any
) -> bool:
    """Write to ``person`` with the address of a page of their account; False where nobody reads."""
    if not person.is_active:
        return False
    language = person.preferred_language
    with override(language):
        words = {key: value() if callable(value) else value for key, value in context.items()}
        enqueue_mail(
            template,
            to=person.email,
            language=language,
            context={
                "name": person.get_short_name(),
                "path": path_in(language, page),
                **words,
            },
            about=about,
        )
    return True
