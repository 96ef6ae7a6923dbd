from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("enrichment", "0002_rows_by_book"),
    ]

    operations = [
        migrations.AddField(
            model_name="libraryimport",
            name="cells_left_out",
            field=models.JSONField(blank=True, default=dict, editable=False),
        ),
    ]
