"""botocore's errors as sentences: what it was, where, and what to do."""

from __future__ import annotations

from typing import Any

# What to do, by the error's code; the first word of a key that the code begins with counts.
_ADVICE = {
    "ExpiredToken": "the credentials have expired; sign in again (`aws sso login`, or new keys)",
    "RequestExpired": "the credentials have expired, or this machine's clock is wrong",
    "InvalidClientTokenId": "AWS does not know these credentials; is the profile the right one?",
    "UnrecognizedClient": "AWS does not know these credentials; is the profile the right one?",
    "InvalidAccessKeyId": "AWS does not know these credentials; is the profile the right one?",
    "InvalidSignature": "the secret key is not the access key's; set both again",
    "SignatureDoesNotMatch": "the secret key is not the access key's; set both again",
    "AccessDenied": "the credentials may not do this; ask for the permission that is named",
    "AuthorizationHeaderMalformed": "the bucket is in another region; give that one with --region",
    "PermanentRedirect": "the bucket is in another region; give that one with --region",
    "IllegalLocationConstraint": "the bucket is in another region; give that one with --region",
    "Throttl": "AWS takes no more calls for now; deploy again in a minute, which goes on from here",
    "TooManyRequests": "AWS takes no more calls for now; deploy again in a minute, which goes on "
    "from here",
    "RequestLimitExceeded": "AWS takes no more calls for now; deploy again in a minute",
    "SlowDown": "AWS takes no more calls for now; deploy again in a minute",
    "CodeStorageExceeded": "the account's space for code is full: delete old versions, or ask AWS "
    "for a higher quota",
    "LimitExceeded": "a quota of the account is used up: delete what is not needed, or ask AWS for "
    "a higher one",
    "ServiceQuotaExceeded": "a quota of the account is used up: delete what is not needed, or ask "
    "AWS for a higher one",
    "NoSuchBucket": "make it first, or look at its name",
    "BucketAlreadyExists": "the bucket's name is another account's",
    "403": "it is there and not yours, or the credentials may not see it",
}


def sentence(error: Any, what: str) -> str:
    """An error that AWS answered with.

    >>> from botocore.exceptions import ClientError
    >>> answer = {"Error": {"Code": "ExpiredToken", "Message": "too old"}}
    >>> print(sentence(ClientError(answer, "GetFunction"), "function 'f'"))
    function 'f': GetFunction: ExpiredToken: too old: the credentials have expired; sign in again \
(`aws sso login`, or new keys)
    """
    detail = error.response.get("Error", {})
    code, message = str(detail.get("Code")), " ".join(str(detail.get("Message") or "").split())
    if message.lower().startswith(("<!doctype", "<html")):  # whoever answers is no AWS
        message = "an HTML page, so what answers there does not know this call of AWS"
    advice = _advice(code, message)
    said = f"{what}: {error.operation_name}: {code}: {message}".rstrip(": .")
    return said + (f": {advice}" if advice else "")


def _advice(code: str, message: str) -> str:
    if "CreateNetworkInterface" in message:
        return (
            "a function in a VPC needs a role that may make network interfaces; `pelton policy` "
            "prints what it needs"
        )
    if "cannot be assumed" in message:
        return "let its trust policy name lambda.amazonaws.com, or give another with --role"
    return next((words for key, words in _ADVICE.items() if code.startswith(key)), "")


def without_answer(error: Any, what: str) -> str:
    """An error before AWS was asked anything."""
    from botocore import exceptions as boto

    if isinstance(error, boto.NoRegionError):
        return "no AWS region; set AWS_REGION or give --region"
    if isinstance(error, boto.NoCredentialsError):
        return "no AWS credentials; run `aws configure` first"
    if isinstance(error, boto.PartialCredentialsError):
        return f"half of the AWS credentials is missing: {error}; run `aws configure` again"
    if isinstance(error, boto.ProfileNotFound):
        return f"{error}; AWS_PROFILE names a profile of ~/.aws/config"
    if isinstance(error, boto.SSOError | boto.TokenRetrievalError | boto.CredentialRetrievalError):
        return f"the AWS credentials cannot be had: {error}; sign in again with `aws sso login`"
    if isinstance(error, boto.InvalidRegionError | boto.UnknownRegionError):
        return f"{error}; give a region of AWS's with --region"
    return f"{what}: {error}"
