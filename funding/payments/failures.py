"""Stripe's decline codes as sentences for the payer: what happened and what to do.

What a bank means is often more than it lets a payer know (a stolen card says only "declined"), so
codes of suspicion read like the general one.
"""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

GENERAL = _("The card was declined. Use another card, or ask the bank that issued it.")

_SENTENCES: dict[str, Promise] = {
    "authentication_required": _(
        "The bank wanted to confirm that it is you, and the confirmation did not succeed. "
        "Try again, or use another card."
    ),
    "payment_intent_authentication_failure": _(
        "The bank wanted to confirm that it is you, and the confirmation did not succeed. "
        "Try again, or use another card."
    ),
    "card_not_supported": _("The card does not allow this kind of payment. Use another card."),
    "card_velocity_exceeded": _(
        "The card has reached a limit of its bank. Use another card, or ask the bank."
    ),
    "currency_not_supported": _("The card cannot pay in this currency. Use another card."),
    "expired": _("The time to pay ran out before a card was charged. Try again."),
    "expired_card": _("The card has expired. Use another card."),
    "incorrect_cvc": _("The security code was not that of the card. Try again and check the code."),
    "incorrect_number": _("The number was not that of a card. Try again and check the number."),
    "insufficient_funds": _("There is not enough money on the card. Use another card."),
    "invalid_expiry_month": _("The expiry date was not that of the card. Try again and check it."),
    "invalid_expiry_year": _("The expiry date was not that of the card. Try again and check it."),
    "issuer_not_available": _("The bank of the card could not be reached. Try again later."),
    "processing_error": _("The card could not be processed. Try again in a few minutes."),
    "try_again_later": _("The bank of the card could not answer. Try again in a few minutes."),
    "withdrawal_count_limit_exceeded": _(
        "The card has reached a limit of its bank. Use another card, or ask the bank."
    ),
}


def sentence(code: str) -> str:
    """Why a payment did not succeed, in the language in force."""
    return str(_SENTENCES.get(code, GENERAL))
