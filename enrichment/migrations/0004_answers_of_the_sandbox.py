from django.db import migrations, models


def forget_what_may_be_invented(apps, schema_editor):
    """Where the sandbox was ever asked, nobody knows which answers are its own: all are asked anew."""
    if apps.get_model("enrichment", "LibraryImport").objects.filter(sandbox=True).exists():
        apps.get_model("enrichment", "EditionRecord").objects.all().delete()


class Migration(migrations.Migration):
    dependencies = [
        ("enrichment", "0003_cells_left_out"),
    ]

    operations = [
        migrations.RunPython(forget_what_may_be_invented, migrations.RunPython.noop, elidable=True),
        migrations.RemoveConstraint(
            model_name="editionrecord",
            name="a_question_to_a_source_is_kept_once",
        ),
        migrations.AddField(
            model_name="editionrecord",
            name="sandbox",
            field=models.BooleanField(default=False, editable=False),
        ),
        migrations.AddConstraint(
            model_name="editionrecord",
            constraint=models.UniqueConstraint(fields=("question", "source", "sandbox"), name="a_question_to_a_source_is_kept_once"),
        ),
    ]
