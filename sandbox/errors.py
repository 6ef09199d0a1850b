"""What the sandbox answers when it refuses: Stripe's error object, with Stripe's words."""

from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


def doc_url(code: str) -> str:
    return "https://docs.stripe.com/error-codes/" + code.replace("_", "-")


@dataclass(eq=False)
class ApiError(Exception):
    """An answer other than 200. Messages are English, as Stripe's are: developers read them."""

    message: str
    status: int = 400
    kind: str = "invalid_request_error"
    code: str = ""
    param: str = ""

    def body(self) -> Json:
        error: Json = {"message": self.message, "type": self.kind}
        if self.code:
            error |= {"code": self.code, "doc_url": doc_url(self.code)}
        if self.param:
            error["param"] = self.param
        return {"error": error}


class CardError(ApiError):
    """A charge was tried and refused. What it left behind is kept, and so is this answer."""

    def __init__(self, intent: Json) -> None:
        self.intent = intent
        super().__init__(intent["last_payment_error"]["message"], status=402, kind="card_error")

    def body(self) -> Json:
        return {"error": self.intent["last_payment_error"] | {"payment_intent": self.intent}}


def missing(param: str) -> ApiError:
    return ApiError(f"Missing required param: {param}.", code="parameter_missing", param=param)


def unknown(param: str) -> ApiError:
    said = f"Received unknown parameter: {param} (or one that this sandbox does not serve)"
    return ApiError(said, code="parameter_unknown", param=param)


def no_such(what: str, key: str, *, param: str = "id", status: int = 404) -> ApiError:
    return ApiError(f"No such {what}: '{key}'", status=status, code="resource_missing", param=param)
