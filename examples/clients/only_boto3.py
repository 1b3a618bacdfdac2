"""Create, invoke, update and delete a function on the emulator, with boto3 and nothing else.

pelton emulator &
AWS_ENDPOINT_URL=http://127.0.0.1:4566 python only_boto3.py
"""

import io
import json
import os
import zipfile

import boto3

HELLO = "def handler(event, context):\n    return {'hello': event['name']}"
ROLE = "arn:aws:iam::000000000000:role/lambda"


def archive(source: str) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as out:
        out.writestr("main.py", source)
    return memory.getvalue()


def main() -> None:
    client = boto3.client(
        "lambda",
        endpoint_url=os.environ.get("AWS_ENDPOINT_URL", "http://127.0.0.1:4566"),
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    client.create_function(
        FunctionName="hello",
        Runtime="python3.12",
        Role=ROLE,
        Handler="main.handler",
        Code={
            "ZipFile": archive("def handler(event, context):\n    return {'hello': event['name']}")
        },
    )
    client.get_waiter("function_active_v2").wait(FunctionName="hello")
    print("created:", invoke(client, {"name": "world"}))

    client.update_function_code(
        FunctionName="hello",
        ZipFile=archive(HELLO.replace("hello", "bye")),
    )
    client.get_waiter("function_updated_v2").wait(FunctionName="hello")
    print("updated:", invoke(client, {"name": "world"}))

    version = client.publish_version(FunctionName="hello")["Version"]
    client.create_alias(FunctionName="hello", Name="live", FunctionVersion=version)
    print(
        "alias live is version",
        client.get_alias(FunctionName="hello", Name="live")["FunctionVersion"],
    )

    client.delete_function(FunctionName="hello")
    print("left:", [each["FunctionName"] for each in client.list_functions()["Functions"]])


def invoke(client, event):  # type: ignore[no-untyped-def]
    answer = client.invoke(FunctionName="hello", Payload=json.dumps(event))
    return json.loads(answer["Payload"].read())


if __name__ == "__main__":
    main()
