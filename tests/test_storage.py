"""Files of the project lie in a folder or in S3, and behave alike."""

import os
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.management import CommandError, call_command
from moto import mock_aws

from tests.test_settings import load

BUCKET = "books"


@pytest.fixture
def s3(settings: Any) -> Iterator[Any]:
    """Use the storage that STORAGE_BUCKET configures, on an S3 that moto plays."""
    configured = load(STORAGE_BUCKET=BUCKET, STORAGE_REGION="us-east-1", STORAGE_KEY="key", STORAGE_SECRET="secret", STORAGE_ENCRYPT="true")
    with mock_aws():
        settings.STORAGES = configured["STORAGES"]
        yield boto3.client("s3", region_name="us-east-1", aws_access_key_id="key", aws_secret_access_key="secret")


def test_make_bucket_makes_it_once(s3: Any) -> None:
    call_command("make_bucket")
    call_command("make_bucket")
    assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == [BUCKET]


def test_make_bucket_refuses_a_folder() -> None:
    with pytest.raises(CommandError, match="STORAGE_BUCKET is unset"):
        call_command("make_bucket")


def test_a_file_in_s3_is_kept_under_its_key_read_again_replaced_and_deleted(s3: Any) -> None:
    call_command("make_bucket")
    store = storages["default"]
    key = "uploads/0f8b/raw.csv"
    assert store.save(key, ContentFile("Title\nÉmile\n".encode())) == key
    assert store.save(key, ContentFile(b"Title\nEmma\n")) == key
    with store.open(key) as file:
        assert file.read() == b"Title\nEmma\n"
    assert s3.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 1
    assert s3.head_object(Bucket=BUCKET, Key=key)["ServerSideEncryption"] == "AES256"
    store.delete(key)
    assert not store.exists(key)


def test_an_address_of_a_file_in_s3_is_signed_and_ends(s3: Any) -> None:
    url = storages["default"].url("data/0f8b.json")
    assert "Signature=" in url
    assert "Expires=" in url


def test_a_file_in_a_folder_is_nobody_elses_to_read() -> None:
    store = storages["default"]
    key = store.save("uploads/0f8c/raw.csv", ContentFile(b"Title\n"))
    assert key == "uploads/0f8c/raw.csv"
    assert os.stat(store.path(key)).st_mode & 0o077 == 0
    store.delete(key)
