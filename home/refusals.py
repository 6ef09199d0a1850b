"""Why an evangelist's change is refused."""

from django.utils.translation import gettext_lazy as _

from core.refusals import Refusal


class NotYourProfile(Refusal):
    message = _("Only the person a profile belongs to can change it here.")


class ProfileLocked(Refusal):
    message = _("Staff have locked this profile. Write to them to have it opened again.")
