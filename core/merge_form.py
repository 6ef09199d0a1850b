"""The form by which staff say which of two rows stays when both are one."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


class MergeForm(forms.Form):
    """``choices``: (id, name) of both rows; ``help_text`` and ``missing`` speak of the reason."""

    keep = forms.ChoiceField(
        label=_("Which one stays"),
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose which one stays.")},
    )
    reason = forms.CharField(label=_("Reason"), max_length=500)

    def __init__(
        self,
        *args: Any,
        choices: Iterable[tuple[int, str]],
        help_text: "str | _StrPromise",
        missing: "str | _StrPromise",
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        keep, reason = self.fields["keep"], self.fields["reason"]
        assert isinstance(keep, forms.ChoiceField)
        keep.choices = [(str(pk), f"{name} ({pk})") for pk, name in choices]
        reason.help_text = help_text
        reason.error_messages["required"] = missing
