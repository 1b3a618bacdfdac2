"""Assets in S3, by boto3 as Lambda brings it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...handlers.errors import AssetFailed

_PIECE = 1 << 20


def parts(uri: str, begin: int) -> tuple[int, Iterator[bytes]]:
    """See `fetch`."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    try:
        import boto3
        from botocore.exceptions import BotoCoreError, ClientError
    except ModuleNotFoundError as error:
        raise AssetFailed(f"the asset {uri} needs boto3; add it: requirements=['boto3']") from error
    wanted = {"Range": f"bytes={begin}-"} if begin else {}
    try:
        answer = boto3.client("s3").get_object(Bucket=bucket, Key=key, **wanted)
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if code in ("InvalidRange", "416"):  # nothing is missing
            return begin, iter(())
        raise AssetFailed(_why(uri, bucket, key, code, error)) from error
    except BotoCoreError as error:
        raise AssetFailed(f"the asset {uri} cannot be fetched: {error}") from error
    return begin, _pieces(uri, answer["Body"])


def _pieces(uri: str, body: Any) -> Iterator[bytes]:
    from botocore.exceptions import BotoCoreError

    try:
        yield from iter(lambda: body.read(_PIECE), b"")
    except (BotoCoreError, OSError) as error:
        raise AssetFailed(
            f"the asset {uri} broke off: {error}; the next try goes on from there"
        ) from error
    finally:
        body.close()


def _why(uri: str, bucket: str, key: str, code: str, error: Exception) -> str:
    if code in ("AccessDenied", "403"):
        return (
            f"the asset {uri} may not be read; allow s3:GetObject on arn:aws:s3:::{bucket}/{key} "
            "in the function's role"
        )
    if code in ("NoSuchKey", "NoSuchBucket", "404"):
        return f"the asset {uri} is not there: {code}; upload it, or correct the address"
    return f"the asset {uri} cannot be fetched: {error}"
