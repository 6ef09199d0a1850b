"""The e-mails that the portal ships: ``templates/emails``, read as texts that staff can change.

A shipped template is made of inheritance and translation tags. `shipped` writes it out in one
language, in the plain language of `core.mailing.tags`; what it is filled with is read from that.
"""

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.template import Context, engines
from django.template.base import FilterExpression, NodeList, TextNode, VariableNode
from django.template.defaulttags import AutoEscapeControlNode, ForNode, IfNode, LoadNode
from django.template.loader import get_template
from django.template.loader_tags import BlockNode, ExtendsNode, IncludeNode
from django.templatetags.i18n import BlockTranslateNode, TranslateNode
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from core.mailing.models import Topic

AREAS: dict[str, str | Promise] = {
    "membership": _("Membership"),
    "dues": _("Dues"),
    "payments": _("Payments"),
    "pools": _("Giving"),
    "signin": _("Signing in"),
    "events": _("Events"),
    "evangelist": _("Evangelists"),
    "follow": _("Following"),
}
# Of these a person can unsubscribe (docs/operating.md#e-mails says why these and no others).
TOPICS: dict[str, Topic] = {
    "dues_renewal_reminder": Topic.RENEWALS,
    "pools_instalment_reminder": Topic.GIVING,
    "payments_reminder": Topic.GIVING,
}
# What every message is filled with.
ALWAYS = ("SITE_URL", "SITE_NAME", "language")
# A text must say these, or whoever gets it cannot go on.
NEEDED = ("code",)
NEEDED_PATHS: dict[str, tuple[str, ...]] = {
    "signin_account_already_exists": ("password_reset_path",),
    "signin_unknown_account": ("signup_path",),
}
# What nobody but its reader may hold: it takes a seat, opens a draft, or ends and resumes payments
# with no other proof. A message that carries one is kept neither in the log nor by a job that failed.
# Other addresses are none: they ask for a sign-in, or show a paper that staff read anyhow (a test
# holds a verdict for each).
SECRETS: dict[str, tuple[str, ...]] = {
    "evangelist_message": ("path",),
    "evangelist_message_check": ("path",),
    "evangelist_nominated": ("path",),
    "events_confirm": ("path",),
    "events_moved": ("path",),
    "events_registered": ("path",),
    "events_reminder": ("path",),
    "events_travel": ("path",),
    "events_waiting": ("path",),
    "follow_change": ("all_path", "stop_path"),
    "follow_confirm": ("confirm_path",),
    "follow_digest": ("all_path", "stop_path"),
    "follow_stands": ("all_path",),
    "membership_seat_invitation": ("code", "path"),
    "membership_shared": ("code", "path"),
    "payments_card_expires": ("path",),
    "payments_subscription_began": ("path",),
    "payments_subscription_failed": ("path",),
    "payments_subscription_paused": ("path",),
}
# The e-mails by which people sign in; `portal.signin` sends them in place of django-allauth's own.
OF_SIGN_IN = "signin_"
# Somebody sits before an open page and waits for these: they go ahead of all others, and are not
# tried any more once the code in them is too old.
WAITED_FOR = (
    "signin_account_already_exists",
    "signin_email_confirmation",
    "signin_email_confirmation_signup",
    "signin_login_code",
    "signin_nothing_given",
    "signin_password_reset_code",
    "signin_unknown_account",
)
# Of these a person asked for the code just now: they go out even where mail to the address came
# back, since typing the code shows that it no longer does.
ASKED_FOR = (
    "signin_email_confirmation",
    "signin_email_confirmation_signup",
    "signin_login_code",
    "signin_password_reset_code",
)
# What strangers wrote to a person: kept nowhere but where it is deleted in time.
PRIVATE = ("private_words",)


@dataclass(frozen=True, slots=True)
class Text:
    subject: str
    body: str


def names() -> list[str]:
    """The names of the shipped e-mails, in order."""
    ends = ".subject.txt"
    engine: Any = engines["django"]
    folders = [Path(folder) / "emails" for folder in engine.engine.dirs]
    return sorted(path.name.removesuffix(ends) for f in folders for path in f.glob("*" + ends))


def exists(name: str) -> bool:
    return name in names()


def area_of(name: str) -> str:
    """The part of the portal that sends it, in words."""
    return str(AREAS.get(name.split("_")[0], _("Other")))


def topic_of(name: str) -> Topic | None:
    return TOPICS.get(name)


def is_of_sign_in(name: str) -> bool:
    """Whether people sign in by this e-mail, or learn by it that somebody did."""
    return name.startswith(OF_SIGN_IN)


def secrets_of(name: str) -> set[str]:
    """What of the values of this e-mail nobody but its reader may hold; a code is always one."""
    return {*NEEDED, *PRIVATE, *SECRETS.get(name, ())}


def may_keep(name: str, context: dict[str, Any]) -> bool:
    """Whether what a message is filled with may be kept once it is sent or given up.

    Never a secret; and nothing of signing in, as it holds where and with what people do it.
    """
    return not is_of_sign_in(name) and not secrets_of(name) & context.keys()


@functools.lru_cache(maxsize=512)
def shipped(name: str, language: str) -> Text:
    """A shipped e-mail written out in ``language``. Raises TemplateDoesNotExist."""
    with translation.override(language):
        return Text(
            _written(f"emails/{name}.subject.txt").strip(),
            _written(f"emails/{name}.txt").strip() + "\n",
        )


# --- Writing a shipped template out ---------------------------------------------------------------


def _written(path: str) -> str:
    return "".join(_write(_nodes(path), {}))


def _nodes(path: str) -> NodeList:
    found: Any = get_template(path)
    nodes: NodeList = found.template.nodelist
    return nodes


def _write(nodes: Any, blocks: dict[str, BlockNode]) -> Iterator[str]:
    for node in nodes:
        yield from _write_one(node, blocks)


def _write_one(node: Any, blocks: dict[str, BlockNode]) -> Iterator[str]:
    match node:
        case ExtendsNode():
            parent: Any = node.parent_name
            yield from _write(_nodes(parent.var), {**node.blocks, **blocks})
        case BlockNode():
            yield from _write(blocks.get(node.name, node).nodelist, blocks)
        case AutoEscapeControlNode():
            yield from _write(node.nodelist, blocks)
        case LoadNode():
            pass
        case TextNode():
            yield node.s
        case VariableNode():
            yield _variable(node.filter_expression)
        case TranslateNode():
            yield node.render(Context())
        case BlockTranslateNode():
            yield _translated(node)
        case IfNode():
            yield from _if(node, blocks)
        case ForNode():
            sequence: Any = node.sequence
            yield f"{{% for {', '.join(node.loopvars)} in {sequence.token} %}}"
            yield from _write(node.nodelist_loop, blocks)
            yield "{% endfor %}"
        case IncludeNode():
            yield from _write(_nodes(node.template.var), blocks)
        case _:
            raise TypeError(f"E-mails know no {type(node).__name__}; write it out here first.")


def _variable(expression: FilterExpression) -> str:
    return "{{ " + expression.token + " }}"


def _translated(node: BlockTranslateNode) -> str:
    message, variables = node.render_token_list(node.singular)
    values = {
        name: _variable(node.extra_context[name])
        if name in node.extra_context
        else f"{{{{ {name} }}}}"
        for name in variables
    }
    text: str = translation.gettext(message) % values
    return text


def _if(node: IfNode, blocks: dict[str, BlockNode]) -> Iterator[str]:
    tag = "if"
    for condition, nodes in node.conditions_nodelists:
        yield f"{{% {tag} {_condition(condition)} %}}" if condition is not None else "{% else %}"
        yield from _write(nodes, blocks)
        tag = "elif"
    yield "{% endif %}"


def _condition(condition: Any) -> str:
    """A condition as it was written: `if` keeps it as a tree of operators."""
    if hasattr(condition, "text"):
        return str(condition.text)
    if condition.second is None:
        return f"{condition.id} {_condition(condition.first)}"
    return f"{_condition(condition.first)} {condition.id} {_condition(condition.second)}"
