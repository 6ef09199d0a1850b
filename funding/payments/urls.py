"""Public addresses of payments and papers; each is known to its payer alone (a UUID is the key)."""

from django.urls import path

from funding.payments import paper_views, subscription_views, views

urlpatterns = [
    path("payments/<uuid:public_id>/", views.payment, name="payment"),
    path("payments/<uuid:public_id>/pay/", views.pay, name="payment_pay"),
    path("subscriptions/<uuid:public_id>/", subscription_views.subscription, name="subscription"),
    path(
        "subscriptions/<uuid:public_id>/begin/",
        subscription_views.begin,
        name="subscription_begin",
    ),
    path("subscriptions/<uuid:public_id>/card/", subscription_views.card, name="subscription_card"),
    path("subscriptions/<uuid:public_id>/end/", subscription_views.end, name="subscription_end"),
    path(
        "subscriptions/<uuid:public_id>/resume/",
        subscription_views.resume,
        name="subscription_resume",
    ),
    path(
        "subscriptions/<uuid:public_id>/again/",
        subscription_views.try_again,
        name="subscription_again",
    ),
    path("receipts/<uuid:public_id>/", paper_views.receipt, name="receipt"),
    path("receipts/<uuid:public_id>.pdf", paper_views.receipt_pdf, name="receipt_pdf"),
    path("receipts/<uuid:public_id>/proof/", paper_views.receipt_proof, name="receipt_proof"),
    path("invoices/<uuid:public_id>/", paper_views.invoice, name="invoice"),
    path("invoices/<uuid:public_id>.pdf", paper_views.invoice_pdf, name="invoice_pdf"),
    path("credit-notes/<uuid:public_id>/", paper_views.credit_note, name="credit_note"),
    path("credit-notes/<uuid:public_id>.pdf", paper_views.credit_note_pdf, name="credit_note_pdf"),
    path("expected/<uuid:public_id>/", paper_views.expected_payment, name="expected_payment"),
    path(
        "expected/<uuid:public_id>.pdf",
        paper_views.expected_payment_pdf,
        name="expected_payment_pdf",
    ),
]
