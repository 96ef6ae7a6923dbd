from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("enrichment", "0004_answers_of_the_sandbox"),
    ]

    operations = [
        migrations.AddField(
            model_name="libraryimport",
            name="upload_sha256",
            field=models.CharField(blank=True, default="", editable=False, max_length=64),
        ),
    ]
