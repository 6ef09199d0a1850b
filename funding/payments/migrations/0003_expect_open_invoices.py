from django.db import migrations


def reference_of(pk):
    """As funding.payments.expected.reference_of at the time of this migration (ISO 11649)."""
    from stdnum import iso11649
    from stdnum.iso7064 import mod_97_10

    body = f"{pk:08d}"
    check = mod_97_10.calc_check_digits(f"{body}RF")
    return iso11649.validate(f"RF{check}{body}")


def expect_open_invoices(apps, schema_editor):
    """Open invoices from before get the expected payment that a transfer is matched to.

    The invoice itself stays as it was issued: it carries no reference, its page shows none, and a
    clerk finds it by name, number and amount.
    """
    Invoice = apps.get_model("payments", "Invoice")
    Expected = apps.get_model("payments", "ExpectedPayment")
    Pool = apps.get_model("ledger", "Pool")
    database = schema_editor.connection
    general = None
    wanting = Invoice.objects.using(database.alias).filter(expected=None, credit_note=None)
    for invoice in wanting.order_by("pk"):
        paid = sum(invoice.payments.filter(status="succeeded").values_list("amount", flat=True))
        if paid >= invoice.total:
            continue
        # Invoices name no pool; a payment begun for it does, and all that were issued are dues'.
        begun = invoice.payments.order_by("pk").first()
        if begun is not None:
            pool_id = begun.pool_id
        else:
            general = general or Pool.objects.using(database.alias).get(code="general").pk
            pool_id = general
        with database.cursor() as cursor:
            cursor.execute(
                "SELECT nextval(pg_get_serial_sequence('payments_expectedpayment', 'id'))"
            )
            pk = int(cursor.fetchone()[0])
        first = invoice.lines.order_by("position").first()
        Expected.objects.using(database.alias).create(
            pk=pk,
            reference=reference_of(pk),
            invoice=invoice,
            purpose=invoice.purpose,
            purpose_id=invoice.purpose_id,
            pool_id=pool_id,
            description=(first.description if first else invoice.number)[:250],
            amount=invoice.total,
            currency=invoice.currency,
            payer_name=invoice.bill_to_name,
            payer_address=invoice.bill_to_address,
            payer_country=invoice.bill_to_country,
            payer_email=invoice.bill_to_email,
            purchase_order=invoice.purchase_order,
            language=invoice.language,
            issuer_name=invoice.issuer_name,
            issuer_address=invoice.issuer_address,
            issuer_registration=invoice.issuer_registration,
            due_on=invoice.due_on,
        )


class Migration(migrations.Migration):

    dependencies = [
        ('ledger', '0003_own_triggers'),
        ('payments', '0002_every_way_money_moves'),
    ]

    operations = [
        migrations.RunPython(expect_open_invoices, migrations.RunPython.noop),
    ]
