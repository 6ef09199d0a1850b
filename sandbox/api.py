"""The part of Stripe's REST API that the portal calls: routes, saved answers, errors."""

import hashlib
import hmac
import json
import re
import traceback
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from urllib.parse import urlsplit

# Those that are not used here add their endpoints.
from sandbox import (
    aftermath_endpoints,  # noqa: F401
    billing_endpoints,  # noqa: F401
    chaos,
    objects,
    session_endpoints,  # noqa: F401
)
from sandbox.errors import ApiError, CardError, Json
from sandbox.parameters import decode
from sandbox.payments import Sandbox
from sandbox.resources import ENDPOINTS, serve
from sandbox.store import Answer
from sandbox.web import Asked, Reply, json_reply

FAILURE = ApiError("The sandbox failed; its log says why.", status=500, kind="api_error")


def handle(sandbox: Sandbox, asked: Asked, fault: chaos.Fault = chaos.NO_FAULT) -> Reply:
    """Answer a request, with the fault that it was to meet; errors are answers too."""
    request_id, replayed = objects.new_id("req_", 14), False
    try:
        if refusal := fault.refusal():
            raise refusal
        status, text, replayed = _answer(sandbox, asked, request_id, fault)
    except ApiError as error:
        status, text = error.status, _dump(error.body())
    reply = json_reply(status, text)
    reply.headers.update({"Request-Id": request_id, "Stripe-Version": objects.API_VERSION})
    if replayed:
        reply.headers["Idempotent-Replayed"] = "true"
    return reply


def _dump(answer: Json) -> str:
    return json.dumps(answer, indent=2)


def _answer(
    sandbox: Sandbox, asked: Asked, request_id: str, fault: chaos.Fault
) -> tuple[int, str, bool]:
    _check_key(sandbox, asked.bearer())
    version = asked.headers.get("Stripe-Version", objects.API_VERSION)
    if version != objects.API_VERSION:
        raise ApiError(f"This sandbox serves {objects.API_VERSION} alone, not {version[:40]}.")
    posted, place = asked.method == "POST", f"{asked.method} {asked.path}"
    route, object_id = _find(asked.method, asked.path)
    sent = decode(asked.body if posted else urlsplit(asked.target).query.encode())
    key = asked.headers.get("Idempotency-Key") if posted else None
    if key and len(key) > 255:
        raise ApiError("Idempotency keys can be at most 255 characters.", kind="idempotency_error")
    now = replace(sandbox, request={"id": request_id, "idempotency_key": key})
    sign = hashlib.sha256(json.dumps(sent, sort_keys=True).encode()).hexdigest()
    try:
        with sandbox.store.transaction():
            saved = sandbox.store.answer(key) if key else None
            if key and saved:
                return _replay(key, saved, place, sign)
            # A refused parameter is not saved: the same key may be used once it is put right.
            endpoint = partial(serve, now, route, sent, object_id)
            status, text = fault.spoil(partial(_do, endpoint), _dump(FAILURE.body()))
            if key:
                sandbox.store.remember_answer(key, Answer(place, sign, status, text))
        return status, text, False
    except ApiError:
        raise
    except Exception:
        traceback.print_exc()
        text = _dump(FAILURE.body())
        if key:  # as Stripe does: a saved 500 is replayed for the same key
            with sandbox.store.transaction():
                sandbox.store.remember_answer(key, Answer(place, sign, 500, text))
        return 500, text, False


def _do(endpoint: Callable[[], Json]) -> tuple[int, str]:
    try:
        return 200, _dump(endpoint())
    except CardError as error:  # it was tried: what it left behind stays, and so does this answer
        return error.status, _dump(error.body())


def _replay(key: str, saved: Answer, place: str, sign: str) -> tuple[int, str, bool]:
    advice = f"Try using a key other than '{key}' if you meant to execute a different request."
    if saved.endpoint != place:
        paths = f"('{place.split()[1]}' vs '{saved.endpoint.split()[1]}')"
        raise ApiError(
            "Keys for idempotent requests can only be used for the same endpoint they were first "
            f"used for {paths}. {advice}",
            kind="idempotency_error",
        )
    if saved.parameters != sign:
        raise ApiError(
            "Keys for idempotent requests can only be used with the same parameters they were "
            f"first used with. {advice}",
            kind="idempotency_error",
        )
    return saved.status, saved.body, True


def _check_key(sandbox: Sandbox, key: str) -> None:
    if not key:
        raise ApiError(
            "You did not provide an API key. Send it in the Authorization header, using Bearer "
            "auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
            status=401,
        )
    if not hmac.compare_digest(key.encode(), sandbox.settings.secret_key.encode()):
        shown = f"{key[:8]}***{key[-4:]}" if len(key) > 16 else "***"
        raise ApiError(f"Invalid API Key provided: {shown}", status=401)


def _find(method: str, path: str) -> tuple[str, str]:
    """The route of a request, and the id in its path if it has one."""
    for route in ENDPOINTS:
        pattern = route.replace("{id}", "([A-Za-z0-9_-]+)")
        if match := re.fullmatch(pattern, f"{method} {path.rstrip('/')}"):
            return route, "".join(match.groups())
    raise ApiError(
        f"Unrecognized request URL ({method}: {path}). This sandbox serves part of Stripe's API.",
        status=404,
    )
