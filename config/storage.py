"""The object storage behind the clip folders: any S3-compatible bucket, so that workers on several machines share them.

Keys are "clips/<clip folder>/<path inside>". An object appears whole or not at all, larger ones by a multipart upload
that S3 joins at its end.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from config.env import ObjectStorage

log = logging.getLogger(__name__)

PREFIX = "clips/"
PAGE = 1000  # names in one answer, the most that S3 gives
_ABSENT = {"404", "NoSuchKey", "NotFound"}


class Bucket:
    """A mirror of clip folders in a bucket; see `annotation.media.clip_folder.Mirror`.

    Errors of the storage other than "there is nothing" are raised as boto3 has them, after five attempts.
    """

    def __init__(self, storage: ObjectStorage) -> None:
        self._bucket = storage.bucket
        self._client: Any = boto3.client(
            "s3",
            endpoint_url=storage.endpoint or None,
            aws_access_key_id=storage.access_key,
            aws_secret_access_key=storage.secret_key,
            region_name=storage.region,
            # Every part is hashed on its way, so that a flipped bit is refused by the storage.
            config=Config(
                retries={"max_attempts": 5, "mode": "standard"}, request_checksum_calculation="when_supported"
            ),
        )

    def prepare(self) -> None:
        """Make the bucket where it is missing; one that is there stays as it is."""
        try:
            self._client.head_bucket(Bucket=self._bucket)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") not in _ABSENT:
                raise
            region = self._client.meta.region_name
            # Amazon's first region is the only one that must not be named.
            where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
            with suppress(self._client.exceptions.BucketAlreadyOwnedByYou):
                self._client.create_bucket(Bucket=self._bucket, **where)

    def push(self, path: Path, key: str) -> None:
        """Store a local file under a key, whole or not at all."""
        self._client.upload_file(str(path), self._bucket, PREFIX + key)

    def fetch(self, key: str, path: Path) -> bool:
        """Write what is stored under a key to a local path; False when there is nothing."""
        try:
            self._client.download_file(self._bucket, PREFIX + key, str(path))
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in _ABSENT:
                return False
            raise
        return True

    def has(self, key: str) -> bool:
        """Whether anything is stored under a key."""
        try:
            self._client.head_object(Bucket=self._bucket, Key=PREFIX + key)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in _ABSENT:
                return False
            raise
        return True

    def listing(self, prefix: str) -> Iterator[tuple[str, str]]:
        """Every key that begins so with its ETag, sorted."""
        for page in self._pages(prefix):
            for found in page.get("Contents", ()):
                yield found["Key"].removeprefix(PREFIX), found["ETag"]

    def remove(self, prefix: str) -> None:
        """Remove what is stored under every key that begins so; nothing need be there."""
        for page in self._pages(prefix):
            if found := page.get("Contents"):
                names = [{"Key": each["Key"]} for each in found]
                answer = self._client.delete_objects(Bucket=self._bucket, Delete={"Objects": names, "Quiet": True})
                for failed in answer.get("Errors", ()):
                    # It is tried again by the next sweep; nothing reads what lies there meanwhile.
                    log.warning("%s was not removed from %s: %s", failed["Key"], self._bucket, failed.get("Message"))

    def _pages(self, prefix: str) -> Any:
        return self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=PREFIX + prefix, PaginationConfig={"PageSize": PAGE}
        )


def bucket() -> Bucket:
    """The bucket that the settings name; what `settings.CLIP_MIRROR` points at."""
    if settings.OBJECT_STORAGE is None:
        raise ImproperlyConfigured("No object storage is configured; set S3_BUCKET and its keys.")
    return Bucket(settings.OBJECT_STORAGE)
