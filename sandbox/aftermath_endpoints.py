"""The endpoints of refunds, disputes and payouts. Reading them is in resources.py."""

from sandbox import aftermath, objects, payouts
from sandbox.errors import ApiError, Json, missing, no_such
from sandbox.parameters import kept
from sandbox.resources import ENDPOINTS, PARAMETERS, Call, act, endpoint, merged

EVIDENCE = dict.fromkeys(objects.TEMPLATES["dispute"]["evidence"]["null"].split(), "text")
PARAMETERS["POST /v1/disputes/{id}"]["evidence"] = EVIDENCE
ENDPOINTS |= {
    "POST /v1/refunds/{id}/cancel": act(aftermath.cancel_refund),
    "POST /v1/disputes/{id}/close": act(aftermath.accept),
    "POST /v1/payouts/{id}/cancel": act(payouts.cancel),
}


@endpoint("control refund")
@endpoint("POST /v1/refunds")
def create_refund(call: Call) -> Json:
    given, charge = call.given, charge_named(call)
    metadata = kept(given["metadata"])
    return aftermath.refund(call.sandbox, charge, given["amount"], given["reason"], metadata)


def charge_named(call: Call) -> Json:
    """The charge that `charge` or `payment_intent` names."""
    charge, intent = call.given["charge"], call.given["payment_intent"]
    if not charge and not intent:
        raise missing("payment_intent")
    if not intent:
        return charge
    if intent["latest_charge"] is None:
        raise ApiError(
            f"This PaymentIntent ({intent['id']}) does not have a charge.", param="payment_intent"
        )
    if charge and charge["payment_intent"] != intent["id"]:
        raise no_such("charge", charge["id"], param="charge")
    return charge or call.sandbox.known(intent["latest_charge"])


@endpoint("POST /v1/disputes/{id}")
def update_dispute(call: Call) -> Json:
    """Evidence and metadata are merged into what there is; evidence goes in unless told not to."""
    sent, submit = call.sent.get("evidence") or {}, call.given["submit"]
    evidence = {name: text for name, text in call.given["evidence"].items() if name in sent}
    submit = bool(evidence) if submit is None else submit
    dispute = call.thing | merged(call)
    aftermath.answer_dispute(call.sandbox, dispute, evidence, submit=submit)
    return dispute


@endpoint("POST /v1/payouts")
def create_payout(call: Call) -> Json:
    given = call.given
    about = objects.of(given, "description", "statement_descriptor")
    about["metadata"] = kept(given["metadata"])
    return payouts.pay_out(call.sandbox, given["amount"], given["currency"], about)
