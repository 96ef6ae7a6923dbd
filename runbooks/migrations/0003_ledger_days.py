from django.db import migrations, models

import runbooks.price_rows


class Migration(migrations.Migration):
    dependencies = [
        ("runbooks", "0002_author_and_sandbox"),
    ]

    operations = [
        migrations.AlterField(
            model_name="ledgerentry",
            name="at",
            field=models.DateField(validators=[runbooks.price_rows.is_no_day_to_come]),
        ),
    ]
