"""Public addresses of payments and papers; each is known to its payer alone (a UUID is the key)."""

from django.urls import path

from funding.payments import views

urlpatterns = [
    path("payments/<uuid:public_id>/", views.payment, name="payment"),
    path("payments/<uuid:public_id>/pay/", views.pay, name="payment_pay"),
    path("receipts/<uuid:public_id>/", views.receipt, name="receipt"),
    path("receipts/<uuid:public_id>.pdf", views.receipt_pdf, name="receipt_pdf"),
    path("invoices/<uuid:public_id>/", views.invoice, name="invoice"),
    path("invoices/<uuid:public_id>.pdf", views.invoice_pdf, name="invoice_pdf"),
]
