"""Pictures that people send us: read, made no larger than needed, and written anew."""

import io
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _
from PIL import Image as Picture

from core import uploads

MOST_BYTES = 2 * uploads.MEGABYTE
# A picture of few bytes can unfold to gigabytes; it is refused before it does.
MOST_PIXELS = 25_000_000
SIDE = 800


@dataclass(frozen=True, slots=True)
class Logo:
    """A picture as a page shows it, in CSS pixels."""

    url: str
    width: int
    height: int

    @classmethod
    def within(cls, url: str, width: int, height: int, *, widest: float, highest: float) -> "Logo":
        """A file of so many pixels, made no larger than the room there is."""
        scale = min(1, widest / width, highest / height)
        return cls(url, max(1, round(width * scale)), max(1, round(height * scale)))


class NotAPicture(uploads.UploadRefused):
    message = _("This file cannot be read as a picture. Save it as PNG or JPEG and choose that.")
    field = "logo"


class PictureTooLarge(uploads.UploadRefused):
    message = _("The picture has too many pixels. Save it at 4,000 by 4,000 or less.")
    field = "logo"


def ready_logo(sent: uploads.Sent) -> bytes:
    """A logo as it is kept: read, made no larger than needed, and written anew as PNG.

    Written anew, the file says nothing of the camera or the place any more, and holds nothing but
    the picture. Outside any transaction. Raises uploads.UploadRefused, NotAPicture, PictureTooLarge.
    """
    content = uploads.bytes_of(sent, limit=MOST_BYTES)
    kinds = (uploads.PNG, uploads.JPEG)
    upload = uploads.accept(sent.name or "", content, kinds=kinds, limit=MOST_BYTES)
    try:
        with Picture.open(io.BytesIO(upload.content), formats=["PNG", "JPEG"]) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                raise PictureTooLarge
            plain = picture.convert("RGBA")
    except (OSError, ValueError, SyntaxError, Picture.DecompressionBombError) as error:
        raise NotAPicture from error
    plain.thumbnail((SIDE, SIDE))
    made = io.BytesIO()
    plain.save(made, "PNG")
    return made.getvalue()
