"""Make the bucket that STORAGE_BUCKET names, where the store has none yet."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError
from django.core.files.storage import storages
from django.core.management.base import BaseCommand, CommandError
from storages.backends.s3 import S3Storage


class Command(BaseCommand):
    help = "Make the bucket that STORAGE_BUCKET names, if it is not there."
    requires_system_checks: list[str] = []

    def handle(self, **_: Any) -> None:
        storage = storages["default"]
        if not isinstance(storage, S3Storage):
            raise CommandError("STORAGE_BUCKET is unset: files are kept in a folder, which needs no bucket.")
        try:
            storage.connection.meta.client.head_bucket(Bucket=storage.bucket_name)
        except ClientError as error:
            if error.response["Error"]["Code"] not in {"404", "NoSuchBucket"}:
                raise CommandError(f"The store refuses: {error}") from error
            storage.connection.create_bucket(Bucket=storage.bucket_name)
            self.stdout.write(f"Made the bucket {storage.bucket_name}.")
