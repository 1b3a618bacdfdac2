"""The source of a small function that templates take along: it adds to a bucket's notifications
those of one function, and takes them out again, and leaves all others alone.

CloudFormation calls it for each resource `Custom::BucketNotification`, and waits for what it PUTs
to the address that came with the call; so it answers in every case.  Source: CloudFormation's user
guide, "Custom resource request and response".  It fits the 4,096 characters of a template's own
code, and knows nothing of pelton.
"""

from __future__ import annotations

SOURCE = """\
import json
import urllib.request

import boto3

LIST = "LambdaFunctionConfigurations"
KINDS = (LIST, "TopicConfigurations", "QueueConfigurations", "EventBridgeConfiguration")


def handler(event, context):
    wanted = event["ResourceProperties"]
    bucket, ids = wanted["Bucket"], wanted["Ids"]
    answer = {key: event[key] for key in ("StackId", "RequestId", "LogicalResourceId")}
    # Another bucket or another function is another resource: the old one is deleted after.
    answer.update(Status="SUCCESS", PhysicalResourceId=bucket + "/" + ids)
    try:
        entries = [] if event["RequestType"] == "Delete" else made(ids, wanted)
        tell(boto3.client("s3"), bucket, ids, entries)
    except Exception as error:
        gone = "NoSuchBucket" in str(error) and event["RequestType"] == "Delete"
        if not gone:
            answer.update(Status="FAILED", Reason=str(error)[:1000])
    print(json.dumps(answer))
    request = urllib.request.Request(
        event["ResponseURL"], json.dumps(answer).encode(), {"Content-Type": ""}, method="PUT"
    )
    urllib.request.urlopen(request, timeout=30).close()


def made(ids, wanted):
    return [
        {
            "Id": ids + str(place),
            "LambdaFunctionArn": wanted["Function"],
            "Events": each["Events"],
            **({"Filter": {"Key": {"FilterRules": each["Rules"]}}} if each.get("Rules") else {}),
        }
        for place, each in enumerate(wanted["Entries"])
    ]


def tell(s3, bucket, ids, entries):
    told = s3.get_bucket_notification_configuration(Bucket=bucket)
    told = {key: told[key] for key in KINDS if key in told}
    others = [each for each in told.get(LIST, []) if not each["Id"].startswith(ids)]
    told[LIST] = others + entries
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=told)
"""
