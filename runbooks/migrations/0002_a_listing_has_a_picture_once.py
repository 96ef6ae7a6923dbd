from typing import Any

from django.db import migrations, models
from django.db.models import Exists, OuterRef


def set_twins_aside(apps: Any, schema_editor: Any) -> None:
    """Leave the digest with the latest row of a picture; the earlier ones stay, as duplicates, for others refer to their ids."""
    images = apps.get_model("runbooks", "ListingImage").objects.exclude(digest="")
    later = images.filter(listing=OuterRef("listing"), digest=OuterRef("digest"), pk__gt=OuterRef("pk"))
    twins = list(images.filter(Exists(later)).values_list("pk", flat=True))
    images.filter(pk__in=twins, fate="kept").update(fate="skipped", reason="duplicate", said_by="rule")
    images.filter(pk__in=twins).update(digest="")


class Migration(migrations.Migration):
    dependencies = [
        ("runbooks", "0001_initial"),
    ]

    operations = [
        migrations.RunPython(set_twins_aside, migrations.RunPython.noop, elidable=True),
        migrations.AddConstraint(
            model_name="listingimage",
            constraint=models.UniqueConstraint(
                fields=["listing", "digest"], condition=~models.Q(digest=""), name="a_listing_has_a_picture_once"
            ),
        ),
    ]
