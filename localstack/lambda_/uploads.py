"""The bytes of an archive, from the request or from S3; what is in them is not its matter."""

from __future__ import annotations

from .account import Account, Values
from .archives import check_zipped
from .errors import invalid
from .unpacking import UNZIPPED_LIMIT


async def uploaded(account: Account, source: Values) -> bytes | None:
    """What `ZipFile`, or `S3Bucket` and `S3Key`, say; None when neither is given.

    Raises RequestEntityTooLargeException or InvalidParameterValueException for too much, and
    InvalidParameterValueException in S3's words.
    """
    if source.get("S3ObjectStorageMode", "COPY") != "COPY":
        raise invalid("The pelton emulator does not support S3ObjectStorageMode REFERENCE yet.")
    content: bytes | None = source.get("ZipFile")
    if content is not None:
        if any(source.get(name) for name in ("S3Bucket", "S3Key", "ImageUri")):
            raise invalid(
                "Please do not provide other FunctionCode parameters when providing a ZipFile."
            )
        check_zipped(content)
    elif source.get("S3Bucket") and source.get("S3Key"):
        content = await account.around.fetch_object(
            source["S3Bucket"], source["S3Key"], source.get("S3ObjectVersion")
        )
    if content is not None and len(content) >= UNZIPPED_LIMIT:
        raise invalid(f"Unzipped size must be smaller than {UNZIPPED_LIMIT} bytes")
    return content
