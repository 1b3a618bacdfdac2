"""Code in an archive that is an object of the emulator's own S3.

Source: Nuclio's builder: the attributes `s3Bucket`, `s3ItemKey`, `s3Region`, `s3AccessKeyId`,
`s3SecretAccessKey`, `s3SessionToken`.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from ..errors import DeployFailed
from . import archive
from .entry import Entry


async def lay_out(entry: Entry, folder: Path) -> None:
    for name in ("s3Bucket", "s3ItemKey"):
        if not entry.attribute(name):
            raise DeployFailed(f"Mandatory field - '{name}' not given")
    data = await asyncio.to_thread(_download, entry)
    await asyncio.to_thread(archive.put, data, entry.attribute("s3ItemKey"), folder)


def _download(entry: Entry) -> bytes:
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    known, attribute = entry.environment, entry.attribute
    bucket, key = attribute("s3Bucket"), attribute("s3ItemKey")
    try:
        client = boto3.client(
            "s3",
            endpoint_url=known.get("AWS_ENDPOINT_URL"),
            region_name=attribute("s3Region") or known.get("AWS_REGION"),
            aws_access_key_id=attribute("s3AccessKeyId") or known.get("AWS_ACCESS_KEY_ID"),
            aws_secret_access_key=attribute("s3SecretAccessKey")
            or known.get("AWS_SECRET_ACCESS_KEY"),
            aws_session_token=attribute("s3SessionToken") or known.get("AWS_SESSION_TOKEN"),
        )
        data: bytes = client.get_object(Bucket=bucket, Key=key)["Body"].read()
    except (BotoCoreError, ClientError) as error:
        raise DeployFailed(f"s3://{bucket}/{key} cannot be fetched: {error}") from None
    return data
