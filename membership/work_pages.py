"""Writing a note about an organisation, and adding a task for it."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from membership import tasks
from membership.organisation_pages import FormPage
from membership.task_forms import TaskForm, WriteNoteForm


class NotePage(FormPage):
    page_title = _("Write a note")
    right = tasks.WRITE_NOTES
    header_icon = "edit"

    def make_form(self) -> WriteNoteForm:
        return WriteNoteForm(self.request.POST or None)

    def save(self, form: Any) -> None:
        tasks.write_note(
            self.row,
            form.cleaned_data["text"],
            by=self.person,
            form_token=form.cleaned_data["form_token"],
        )


class AddTaskPage(FormPage):
    page_title = _("Add a task")
    right = tasks.ADD
    header_icon = "tasks"

    def make_form(self) -> TaskForm:
        return TaskForm(self.request.POST or None, initial={"owner": self.person.pk})

    def save(self, form: Any) -> None:
        tasks.add(
            self.row,
            form.cleaned_data["title"],
            due_on=form.cleaned_data["due_on"],
            owner=form.cleaned_data["owner"],
            by=self.person,
            form_token=form.cleaned_data["form_token"],
        )
