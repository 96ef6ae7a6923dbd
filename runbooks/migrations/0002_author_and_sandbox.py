from django.db import migrations, models
from django.db.models import Exists, OuterRef


def mark_what_is_invented(apps, schema_editor):
    """Where the sandbox was ever asked, nobody knows what it said of a listing and which rates are its own: rates are asked anew."""
    Execution, Listing = apps.get_model("runbooks", "Execution"), apps.get_model("runbooks", "Listing")
    of_sandbox = Execution.objects.filter(sandbox=True)
    if of_sandbox.exists():
        Listing.objects.filter(Exists(of_sandbox.filter(listing=OuterRef("pk")))).update(sandbox=True)
        apps.get_model("runbooks", "ExchangeRate").objects.filter(source="frankfurter").delete()


class Migration(migrations.Migration):
    dependencies = [
        ("runbooks", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="comparable",
            name="author",
            field=models.CharField(blank=True, max_length=300),
        ),
        migrations.AddField(
            model_name="listing",
            name="sandbox",
            field=models.BooleanField(default=False, editable=False),
        ),
        migrations.RemoveConstraint(model_name="listing", name="an_owner_has_a_listing_once"),
        migrations.AddConstraint(
            model_name="listing",
            constraint=models.UniqueConstraint(fields=("owner", "key", "sandbox"), name="an_owner_has_a_listing_once"),
        ),
        migrations.RemoveConstraint(model_name="execution", name="a_listing_of_an_owner_is_evaluated_once_at_a_time"),
        migrations.AddConstraint(
            model_name="execution",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["pending", "running", "parked"])),
                fields=("owner", "listing_key", "sandbox"),
                name="a_listing_of_an_owner_is_evaluated_once_at_a_time",
            ),
        ),
        migrations.RunPython(mark_what_is_invented, migrations.RunPython.noop, elidable=True),
    ]
