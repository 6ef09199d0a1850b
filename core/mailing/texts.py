"""Texts of staff in place of shipped ones: checked when saved, kept as history, never a dead end.

A text that cannot be filled when a message is to go out does not keep it back: the shipped one goes
instead, and the row says so to staff.
"""

import logging
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core import audit
from core.mailing import catalogue, language
from core.mailing.catalogue import Text
from core.mailing.models import MailText
from core.mailing.samples import SAMPLES
from core.models import User
from core.refusals import Refusal
from core.transactions import inside_transaction, use_case

logger = logging.getLogger(__name__)

CHANGE = "core.change_mailtext"
# The e-mails by which people pay: whoever rewrites one can send their money elsewhere. They ask for
# a right over money besides, named here as core knows no payments (a test holds the two together).
OF_MONEY = ("payments_", "pools_", "dues_")
MONEY_RIGHT = "payments.issue_credit_note"
# Whoever rewrites an e-mail by which people sign in can have the codes sent on to them, and so sign
# in as anybody, treasurers among them. So these texts are for those alone who may change accounts
# anyhow: the administrators.
ACCOUNT_RIGHT = "core.change_user"


class ChangedMeanwhile(Refusal):
    message = _(
        "Somebody else changed this text while you wrote. Look at theirs in another window, then "
        "save yours again."
    )


class NothingToTakeBack(Refusal):
    message = _("The original text is in force already.")


class NotYours(Refusal):
    message = _(
        "This text is not yours to change. The e-mails by which people pay are written by those "
        "who may also make invoices and receipts void, those by which people sign in by those who "
        "may also change accounts."
    )


# --- Whose it is ----------------------------------------------------------------------------------


def is_of_money(template: str) -> bool:
    """Whether people pay by this e-mail."""
    return template.startswith(OF_MONEY)


def right_besides(template: str) -> str:
    """The right that the texts of ``template`` ask for besides `CHANGE`; "" for none."""
    if catalogue.is_of_sign_in(template):
        return ACCOUNT_RIGHT
    return MONEY_RIGHT if is_of_money(template) else ""


def may_change(person: User, template: str) -> bool:
    """Whether ``person`` may see, try and change the texts of ``template``."""
    besides = right_besides(template)
    return person.has_perm(CHANGE) and (not besides or person.has_perm(besides))


# --- Which text is in force -----------------------------------------------------------------------


def newest(template: str, language: str) -> MailText | None:
    """The last change of a text, whatever it was."""
    return MailText.objects.filter(template=template, language=language).order_by("-number").first()


def own(template: str, language: str) -> MailText | None:
    """Staff's text that is in force, or None where the shipped one is."""
    found = newest(template, language)
    return None if found is None or found.is_back else found


def in_force(template: str, language: str) -> Text:
    """The text in force, as staff edit it."""
    found = own(template, language)
    return Text(found.subject, found.body) if found else catalogue.shipped(template, language)


def known_variables(template: str) -> set[str]:
    """What texts of this e-mail may be filled with: what its shipped text is."""
    text = catalogue.shipped(template, settings.LANGUAGE_CODE)
    return (
        language.variables(text.subject)
        | language.variables(text.body)
        | {*catalogue.ALWAYS, "name"}
    )


# --- Changing it ----------------------------------------------------------------------------------


def check(template: str, subject: str, body: str) -> None:
    """Raise TextRefusal (`core.mailing.language`) unless this can be a text of ``template``."""
    known = known_variables(template)
    used = language.variables(subject) | language.variables(body)
    if unknown := sorted(used - known):
        raise language.UnknownVariables(
            names=", ".join(unknown), known=", ".join(sorted(known, key=str.lower))
        )
    needed = [name for name in catalogue.NEEDED if name in known]
    needed += catalogue.NEEDED_PATHS.get(template, ())
    for name in needed:
        if name not in language.variables(body):
            raise language.NeededMissing(name=name)
    for source in (subject, body):
        try:
            language.fill(source, sample_values(settings.LANGUAGE_CODE))
        except language.TextRefusal:
            raise
        except Exception as error:
            # A filter that does not fit its value says so only here.
            raise language.DoesNotFill(detail=str(error)) from None
    for name in needed:
        _refuse_unless_always_said(name, body, known)


def _refuse_unless_always_said(name: str, body: str, known: set[str]) -> None:
    """Raise NeededChanged for a text that says ``name`` changed, or not always, or no whole address.

    It is filled with the samples, and with nothing else but what is needed.
    """
    is_path = name.endswith("_path")
    mark = "/Ab-1/" if is_path else "ABCD-1234"
    wanted = f"{settings.SITE_URL}{mark}" if is_path else mark
    fixed = {"SITE_URL": settings.SITE_URL, name: mark}
    samples = sample_values(settings.LANGUAGE_CODE)
    blank = {variable: "" for variable in known if "[]" not in variable}
    for values in ({**samples, **fixed}, {**blank, **fixed}):
        if wanted not in language.fill(body, values):
            written = f"SITE_URL }}}}{{{{ {name}" if is_path else name
            raise language.NeededChanged(name=written)


def save(
    template: str, in_language: str, *, subject: str, body: str, by: User, seen: int
) -> MailText:
    """Put a text in force. ``seen`` is the number of the version that ``by`` began from (0: none).

    Raises NotYours, TextRefusal, ChangedMeanwhile.
    """
    _refuse_unless_theirs(by, template)
    subject, body = " ".join(subject.split()), body.replace("\r\n", "\n").strip() + "\n"
    check(template, subject, body)
    with use_case():
        made = _add(template, in_language, seen, subject=subject, body=body, changed_by=by)
        audit.record("core.change_mail_text", made, by=by, language=in_language)
    return made


def take_back(template: str, in_language: str, *, by: User, seen: int) -> MailText:
    """Put the shipped text in force again. Raises NotYours, NothingToTakeBack, ChangedMeanwhile."""
    _refuse_unless_theirs(by, template)
    with use_case():
        if own(template, in_language) is None:
            raise NothingToTakeBack
        made = _add(template, in_language, seen, is_back=True, changed_by=by)
        audit.record("core.take_back_mail_text", made, by=by, language=in_language)
    return made


def _refuse_unless_theirs(by: User, template: str) -> None:
    if not may_change(by, template):
        raise NotYours


@inside_transaction
def _add(template: str, in_language: str, seen: int, **values: Any) -> MailText:
    last = newest(template, in_language)
    if (last.number if last else 0) != seen:
        raise ChangedMeanwhile
    try:
        with transaction.atomic():
            return MailText.objects.create(
                template=template, language=in_language, number=seen + 1, **values
            )
    except IntegrityError:
        raise ChangedMeanwhile from None


# --- Filling it -----------------------------------------------------------------------------------


def sample_values(in_language: str) -> dict[str, Any]:
    """Sample values for a preview, with what every message is filled with."""
    return {
        **SAMPLES,
        "SITE_URL": settings.SITE_URL,
        "SITE_NAME": settings.SITE_NAME,
        "language": in_language,
    }


def filled(template: str, in_language: str, values: dict[str, Any]) -> Text | None:
    """Staff's text filled with ``values``; None where the shipped one is to go out."""
    found = own(template, in_language)
    if found is None:
        return None
    try:
        return Text(language.fill(found.subject, values), language.fill(found.body, values))
    except Exception as error:
        logger.exception(
            "The text of staff for %s (%s) could not be filled.", template, in_language
        )
        MailText.objects.filter(pk=found.pk).update(
            broke_at=timezone.now(), broke_with=f"{type(error).__name__}: {error}"[:500]
        )
        return None


def preview(template: str, in_language: str) -> Text:
    """The text in force, filled with sample values."""
    text, values = in_force(template, in_language), sample_values(in_language)
    try:
        return Text(language.fill(text.subject, values), language.fill(text.body, values))
    except language.TextRefusal as refusal:
        return Text("", str(refusal))
