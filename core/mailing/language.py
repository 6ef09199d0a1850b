"""Reading and filling a text of staff: what it may say, and every mistake in words that help."""

import re
from collections.abc import Iterator
from typing import Any

from django.template import Context, Engine, Template, TemplateSyntaxError
from django.template.base import (
    FilterExpression,
    Lexer,
    TextNode,
    TokenType,
    Variable,
    VariableNode,
)
from django.template.defaulttags import ForNode, IfNode
from django.utils.translation import gettext_lazy as _

from core.mailing.tags import FILTERS, TAGS
from core.refusals import Refusal


class TextRefusal(Refusal):
    """Base of what is wrong with a text."""


class UnknownTag(TextRefusal):
    message = _("Line %(line)s: {%% %(tag)s %%} is not known here. Known are: %(known)s.")


class UnknownFilter(TextRefusal):
    message = _("The filter “%(name)s” is not known here. Known are: %(known)s.")


class UnknownVariables(TextRefusal):
    message = _("This e-mail does not know %(names)s. It knows: %(known)s.")


class OpenBrace(TextRefusal):
    message = _("Line %(line)s: a brace is not closed. A variable is written {{ name }}.")


class NotReadable(TextRefusal):
    message = _("The text cannot be read: %(detail)s")


class NeededMissing(TextRefusal):
    message = _("The text must hold {{ %(name)s }}: without it nobody can go on.")


class NeededChanged(TextRefusal):
    message = _(
        "The text must hold {{ %(name)s }} as it stands, outside of conditions and without a filter."
    )


class DoesNotFill(TextRefusal):
    message = _("The text cannot be filled with the sample values: %(detail)s")


class _Engine(Engine):
    """An engine that knows our few tags and filters, and no template but the one it is given."""

    default_builtins = ["core.mailing.tags"]


_engine = _Engine(dirs=[], loaders=[], libraries={}, autoescape=False)


def read(source: str) -> Template:
    """Parse a text of staff. Raises TextRefusal."""
    for token in Lexer(source).tokenize():
        line = token.lineno or 1
        if token.token_type == TokenType.BLOCK:
            tag = (token.contents.split() or [""])[0]
            if tag not in TAGS:
                raise UnknownTag(line=line, tag=tag, known=", ".join(("if", "for")))
        elif token.token_type == TokenType.TEXT and re.search(r"\{\{|\}\}|\{%|%\}", token.contents):
            before = re.split(r"\{\{|\}\}|\{%|%\}", token.contents)[0]
            raise OpenBrace(line=line + before.count("\n"))
    try:
        return Template(source, engine=_engine)
    except TemplateSyntaxError as error:
        unknown = re.fullmatch(r"Invalid filter: '(.*)'", str(error))
        if unknown:
            raise UnknownFilter(name=unknown.group(1), known=", ".join(FILTERS)) from None
        raise NotReadable(detail=str(error)) from None


def fill(source: str, values: dict[str, Any]) -> str:
    """The text with its values in place. Raises TextRefusal, and what a filter raises."""
    text: str = read(source).render(Context(values, autoescape=False))
    # Django marks what it rendered as safe HTML. It is plain text: a page must still escape it.
    return text + ""


def variables(source: str) -> set[str]:
    """What a text is filled with: ``name``, and ``parts[].amount`` for what it loops over."""
    return set(_in(read(source).nodelist, {}))


# --- The variables of nodes -----------------------------------------------------------------------


def _in(nodes: Any, loops: dict[str, str]) -> Iterator[str]:
    for node in nodes:
        match node:
            case TextNode():
                continue
            case VariableNode():
                yield from _of_expression(node.filter_expression, loops)
            case IfNode():
                for condition, inner in node.conditions_nodelists:
                    yield from _of_condition(condition, loops)
                    yield from _in(inner, loops)
            case ForNode():
                sequence = list(_of_sequence(node.sequence, loops))
                yield from sequence
                item = f"{sequence[0]}[]" if sequence else "[]"
                inside = {**loops, "forloop": "forloop", **dict.fromkeys(node.loopvars, item)}
                yield from _in(node.nodelist_loop, inside)
                yield from _in(node.nodelist_empty, loops)


def _of_condition(condition: Any, loops: dict[str, str]) -> Iterator[str]:
    if condition is None:
        return
    if hasattr(condition, "text"):
        yield from _of_expression(condition.value, loops)
        return
    yield from _of_condition(condition.first, loops)
    yield from _of_condition(condition.second, loops)


def _of_sequence(sequence: Any, loops: dict[str, str]) -> Iterator[str]:
    yield from _of_expression(sequence, loops)


def _of_expression(expression: FilterExpression, loops: dict[str, str]) -> Iterator[str]:
    yield from _of_variable(expression.var, loops)
    for _filter, arguments in expression.filters:
        for is_variable, argument in arguments:
            if is_variable:
                yield from _of_variable(argument, loops)


def _of_variable(variable: Any, loops: dict[str, str]) -> Iterator[str]:
    if not isinstance(variable, Variable) or variable.lookups is None:
        return
    first, *rest = variable.lookups
    if first == "forloop" and "forloop" in loops:
        return
    yield ".".join([loops.get(first, first), *rest])
