"""Who approves the terms of pools: the workflow that a draft goes through."""

from collections.abc import Iterable

from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.db.models import Q, QuerySet
from wagtail.models import GroupApprovalTask, Workflow, WorkflowContentType, WorkflowTask

from core.models import User
from core.transactions import inside_transaction
from funding.pools.models import PoolProfile

NAME = "Approval of pools"


@inside_transaction
def setup_review(approvers: Iterable[Group]) -> None:
    """Send the drafts of pools to ``approvers``. Again: adds what is missing, takes nothing away."""
    content_type = ContentType.objects.get_for_model(PoolProfile)
    assigned = WorkflowContentType.objects.filter(content_type=content_type).first()
    workflow = assigned.workflow if assigned else Workflow.objects.create(name=NAME)
    if assigned is None:
        WorkflowContentType.objects.create(content_type=content_type, workflow=workflow)
    # Not by `workflow.workflow_tasks`, which keeps a new row in memory until the workflow is saved.
    if not WorkflowTask.objects.filter(workflow=workflow).exists():
        task = GroupApprovalTask.objects.create(name=NAME)
        WorkflowTask.objects.create(workflow=workflow, task=task, sort_order=0)
    for task in GroupApprovalTask.objects.filter(workflow_tasks__workflow=workflow):
        task.groups.add(*approvers)


def approvers() -> QuerySet[User]:
    """Whoever may approve drafts of pools, as far as groups go; by name."""
    tasks = GroupApprovalTask.objects.filter(
        workflow_tasks__workflow__workflow_content_types__content_type=(
            ContentType.objects.get_for_model(PoolProfile)
        )
    )
    may = Q(is_superuser=True) | Q(groups__groupapprovaltask__in=tasks)
    return User.objects.filter(may, is_active=True).distinct().order_by("last_name", "email")
