"""Why a follow is not begun, confirmed or changed."""

from django.utils.translation import gettext_lazy as _

from core.refusals import Refusal


class FollowLinkIsWrong(Refusal):
    message = _("This address is not complete. Copy it from the e-mail as a whole.")


class FollowLinkIsOld(Refusal):
    message = _("This link is no longer good. Ask for a new e-mail by the form.")


class CodeIsWrong(Refusal):
    message = _(
        "This code is not right, or it is no longer good. Type it as it stands in the newest "
        "e-mail, or ask for a new one by the form."
    )


class TooOften(Refusal):
    message = _("That was tried too often. Wait an hour, then try again.")
