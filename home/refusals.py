"""Why a change of pages is refused."""

from django.utils.translation import gettext_lazy as _

from core.refusals import Refusal


class NotYourProfile(Refusal):
    message = _("Only the person a profile belongs to can change it here.")


class ProfileLocked(Refusal):
    message = _("Staff have locked this profile. Write to them to have it opened again.")


class NotYoursToConfirm(Refusal):
    message = _("Only those who may publish this page can confirm its facts.")


class NotPublished(Refusal):
    message = _("Readers cannot see this page. Publish it first, then confirm its facts.")
