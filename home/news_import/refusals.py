"""Why a row, a file or a feed is refused."""

from django.utils.translation import gettext_lazy as _

from core.refusals import Refusal


class NotPermitted(Refusal):
    message = _("You may not import news. Ask an administrator for the right.")


class NothingChosen(Refusal):
    message = _("Tick at least one row.")


# --- Rows -----------------------------------------------------------------------------------------


class TitleMissing(Refusal):
    message = _("There is no title.")


class UnknownTopic(Refusal):
    message = _("There is no topic “%(text)s”. Make it first, or leave it out.")


class UnknownPool(Refusal):
    message = _("There is no pool with the code “%(text)s”.")


class RowTwice(Refusal):
    message = _("Row %(row)s has the same id and language.")


# --- Feeds ----------------------------------------------------------------------------------------


class FeedRefused(Refusal):
    """Base of what refuses a whole feed."""


class NotHttps(FeedRefused):
    message = _("Write the whole address, beginning with https://.")


class NotPublic(FeedRefused):
    message = _("%(host)s is not a public site. Choose a feed on the public internet.")


class UnknownHost(FeedRefused):
    message = _("There is no site of the name %(host)s. Look for a typing error.")


class NoAnswer(FeedRefused):
    message = _("%(host)s did not answer in time or broke off. Try again later.")


class AnsweredOtherwise(FeedRefused):
    message = _("%(host)s answered with %(status)s. Look whether the address is right.")


class TooManyRedirects(FeedRefused):
    message = _("The address leads from one place to the next. Write the last one.")


class FeedTooLarge(FeedRefused):
    message = _("The feed is larger than %(most)s MB.")


class NotAFeed(FeedRefused):
    message = _("There is no Atom or RSS feed at this address.")


class FeedEmpty(FeedRefused):
    message = _("The feed has no entries.")
