"""What goes in and out over HTTP, and the HTML of every page: plain, no script."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from email.message import Message
from html import escape
from urllib.parse import parse_qsl, urlsplit

from sandbox.errors import ApiError, Json
from sandbox.texts import TEXTS

PAGE_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True)
class Asked:
    """One HTTP request."""

    method: str
    target: str
    headers: Message
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    def bearer(self) -> str:
        """The secret that the request brings, or nothing."""
        scheme, _, key = self.headers.get("Authorization", "").partition(" ")
        return key.strip() if scheme.lower() == "bearer" else ""

    def form(self) -> dict[str, str]:
        """Raises ApiError when there are more fields than any page has."""
        try:
            return dict(parse_qsl(self.body.decode("utf-8", "replace"), max_num_fields=50))
        except ValueError as error:
            raise ApiError("This form has more fields than the page has.") from error


@dataclass(frozen=True)
class Reply:
    """What is answered to it."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def json_reply(status: int, answer: Json | str) -> Reply:
    text = answer if isinstance(answer, str) else json.dumps(answer)
    return Reply(status, text.encode(), {"Content-Type": "application/json"})


def send_on(location: str) -> Reply:
    return Reply(303, b"", PAGE_HEADERS | {"Location": location})


# HTML


class Html(str):
    """Text that is HTML already. Any other is escaped where it is put into a page."""

    __slots__ = ()


def together(*parts: str | None) -> Html:
    return Html("".join(x if isinstance(x, Html) else escape(x) for x in parts if x))


def tag(name: str, /, *inner: str | None, **attributes: object) -> Html:
    """An element. Attributes that are None or False are left out; `for_` is `for`."""
    opening = name
    for key, value in attributes.items():
        key = key.removesuffix("_").replace("_", "-")
        if value is True:
            opening += f" {key}"
        elif value is not None and value is not False:
            opening += f' {key}="{escape(str(value))}"'
    closing = "" if name in ("input", "link", "meta") else f"</{name}>"
    return Html(f"<{opening}>{together(*inner)}{closing}")


def page(
    title: str,
    *main: str | None,
    status: int = 200,
    language: str = "en",
    kind: str | None = None,
    headers: dict[str, str] | None = None,
) -> Reply:
    text = TEXTS[language]
    head = together(
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="robots", content="noindex"),
        tag("title", f"{title} – {text['sandbox']}"),
        tag("link", rel="stylesheet", href="/checkout.css"),
    )
    warning = tag("p", tag("strong", text["sandbox"], "."), " ", text["no_money"], class_="sandbox")
    html = tag("html", head, warning, tag("main", *main, class_=kind), lang=language)
    body = f"<!doctype html>\n{html}\n".encode()
    return Reply(status, body, PAGE_HEADERS | (headers or {}))


def table(titles: Iterable[str], rows: Iterable[Iterable[str]], kind: str | None = None) -> Html:
    head = tag("tr", *(tag("th", title, scope="col") for title in titles))
    body = (tag("tr", *(tag("td", cell) for cell in row)) for row in rows)
    return tag("table", tag("thead", head), tag("tbody", *body), class_=kind)


def problem(title: str, said: Html) -> Html:
    return tag("div", tag("h2", title), said, class_="problem", role="alert")


def bill(lines: Iterable[tuple[str, str]], total: tuple[str, str] | None = None) -> Html:
    """Names and numbers, one under the other."""
    rows = [tag("li", tag("span", name), " ", tag("b", number)) for name, number in lines]
    if total:
        rows.append(tag("li", tag("span", total[0]), " ", tag("b", total[1]), class_="total"))
    return tag("ul", *rows, class_="bill")
