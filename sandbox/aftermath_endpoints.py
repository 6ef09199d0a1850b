"""The endpoints of refunds, disputes and payouts. Reading them is in resources.py."""

import re

from sandbox import aftermath, payouts
from sandbox.aftermath_objects import EVIDENCE
from sandbox.errors import ApiError, Json, missing, no_such
from sandbox.parameters import LARGEST_AMOUNT
from sandbox.resources import Call, Endpoint, checked, found, kept


def create_refund(call: Call) -> Json:
    fields = call.fields
    charge = charge_named(call)
    amount = fields.whole("amount", least=1, most=LARGEST_AMOUNT)
    reason = fields.choice("reason", ("duplicate", "fraudulent", "requested_by_customer"))
    metadata = kept(fields.metadata())
    answer = checked(call)
    refund = aftermath.refund(
        call.sandbox, charge, amount, reason=reason, metadata=metadata, request=call.request
    )
    return answer(refund)


def charge_named(call: Call) -> Json:
    """The charge that `charge` or `payment_intent` names."""
    store, fields = call.sandbox.store, call.fields
    key, intent_id = fields.text("charge"), fields.text("payment_intent")
    if not key and not intent_id:
        raise missing("payment_intent")
    if intent_id:
        intent = store.get(intent_id, "payment_intent")
        if intent is None:
            raise no_such("payment_intent", intent_id, param="payment_intent")
        if intent["latest_charge"] is None:
            raise ApiError(
                f"This PaymentIntent ({intent_id}) does not have a charge.", param="payment_intent"
            )
        key = key or intent["latest_charge"]
    charge = store.get(key or "", "charge")
    if charge is None or (intent_id and charge["payment_intent"] != intent_id):
        raise no_such("charge", key or "", param="charge")
    return charge


def cancel_refund(call: Call) -> Json:
    refund, answer = found(call, "refund"), checked(call)
    aftermath.cancel_refund(call.sandbox, refund, call.request)
    return answer(refund)


def update_dispute(call: Call) -> Json:
    """Evidence and metadata are merged into what there is; evidence goes in unless told not to."""
    fields, dispute = call.fields, found(call, "dispute")
    given = fields.inner("evidence")
    evidence = {name: given.text(name) for name in given.values if name in EVIDENCE.split()}
    submit = fields.flag("submit", default=bool(evidence))
    dispute["metadata"] = kept(dispute["metadata"] | fields.metadata())
    answer = checked(call)
    aftermath.answer_dispute(call.sandbox, dispute, evidence, submit=submit, request=call.request)
    return answer(dispute)


def close_dispute(call: Call) -> Json:
    """Accept a dispute: it is lost."""
    dispute, answer = found(call, "dispute"), checked(call)
    aftermath.decide_for(call.sandbox, dispute, won=False, request=call.request)
    return answer(dispute)


def create_payout(call: Call) -> Json:
    fields = call.fields
    amount = fields.whole("amount", least=1, most=LARGEST_AMOUNT, required=True)
    currency = fields.text("currency", required=True, longest=3).lower()
    if not re.fullmatch("[a-z]{3}", currency):
        raise ApiError(f"Invalid currency: {currency}.", param="currency")
    given = {
        "description": fields.text("description", longest=1000),
        "metadata": kept(fields.metadata()),
        "statement_descriptor": fields.text("statement_descriptor", longest=22),
    }
    answer = checked(call)
    return answer(payouts.pay_out(call.sandbox, amount, currency, given, call.request))


def cancel_payout(call: Call) -> Json:
    payout, answer = found(call, "payout"), checked(call)
    payouts.cancel(call.sandbox, payout, call.request)
    return answer(payout)


ONE = r"/(?P<id>[A-Za-z0-9_-]+)"
ROUTES: tuple[Endpoint, ...] = (
    ("POST", "/v1/refunds", create_refund),
    ("POST", "/v1/refunds" + ONE + "/cancel", cancel_refund),
    ("POST", "/v1/disputes" + ONE, update_dispute),
    ("POST", "/v1/disputes" + ONE + "/close", close_dispute),
    ("POST", "/v1/payouts", create_payout),
    ("POST", "/v1/payouts" + ONE + "/cancel", cancel_payout),
)
