"""Files that go with an application: added by whoever writes it, read by them and by the officers."""

from django.utils import timezone

from core import audit, uploads
from core.models import User
from core.transactions import use_case
from membership.application_rules import State, lock
from membership.models import Application, Attachment
from membership.refusals import TooManyFiles, WrongStep
from membership.sharing import require_editor

KINDS = (uploads.PDF, uploads.JPEG, uploads.PNG)
LIMIT = 5 * uploads.MEGABYTE
MOST = 10

# While it is written, and while the officers wait for an answer.
TAKES_FILES = (State.DRAFT, State.INFORMATION_WANTED)


def add(application: Application, sent: uploads.Sent, *, by: User) -> Attachment:
    """Keep a file with the application. Raises uploads.UploadRefused, WrongStep, TooManyFiles."""
    file = uploads.read(sent, kinds=KINDS, limit=LIMIT)  # a scanner may ask another machine
    with use_case():
        application = lock(application)
        _require_taking(application, by)
        if application.attachments.count() >= MOST:
            raise TooManyFiles(most=MOST)
        added = Attachment.objects.create(
            application=application,
            file_name=file.name,
            content_type=file.content_type,
            content=file.content,
            size=len(file.content),
            added_by=by,
            added_at=timezone.now(),
        )
        audit.record("membership.add_attachment", application, by=by, file=file.name)
    return added


def remove(attachment: Attachment, *, by: User) -> None:
    """Take a file out of a draft; what was handed in stays. Raises WrongStep."""
    with use_case():
        application = lock(attachment.application)
        _require_taking(application, by)
        if application.state != State.DRAFT:
            raise WrongStep(state=application.get_state_display())
        gone, __ = Attachment.objects.filter(pk=attachment.pk).delete()
        if gone:
            audit.record(
                "membership.remove_attachment", application, by=by, file=attachment.file_name
            )


def _require_taking(application: Application, by: User) -> None:
    require_editor(application, by)
    if application.state not in TAKES_FILES:
        raise WrongStep(state=application.get_state_display())
