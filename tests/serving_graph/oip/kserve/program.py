"""KServe's REST and gRPC clients against a server: prints what each was answered, as JSON.

Run by an environment of its own: kserve holds others to versions that are not ours.
"""

import asyncio
import json
import sys
from typing import Any

import httpx
import numpy as np
from kserve import InferenceGRPCClient, InferenceRESTClient, InferInput, InferRequest
from kserve.inference_client import RESTConfig


def request(model: str, binary: bool) -> InferRequest:
    inputs = [InferInput("id", [1], "BYTES"), InferInput("delays", [2], "FP32")]
    texts, numbers = np.array(["UA"], dtype=np.object_), np.array([1.5, 2], dtype=np.float32)
    inputs[0].set_data_from_numpy(texts, binary_data=binary)
    inputs[1].set_data_from_numpy(numbers, binary_data=binary)
    return InferRequest(model, inputs, request_id="7")


def plain(answer: Any) -> list[Any]:
    outputs = [each.as_numpy().tolist() for each in answer.outputs]
    texts = [x.decode() if isinstance(x, bytes) else x for each in outputs for x in each]
    return [answer.id, answer.model_name, *texts]


async def by_rest(url: str) -> dict[str, Any]:
    async with InferenceRESTClient(RESTConfig(protocol="v2")) as client:
        found: dict[str, Any] = {
            "live": await client.is_server_live(url),
            "ready": await client.is_server_ready(url),
            "model": await client.is_model_ready(url, "delay"),
            "nope": await client.is_model_ready(url, "nope"),
        }
        for binary in (False, True):
            asked = request("delay", binary)
            answer = await client.infer(url, asked, model_name="delay")
            found["binary" if binary else "json"] = plain(answer)
        try:
            await client.infer(url, request("nope", False), model_name="nope")
        except httpx.HTTPStatusError as error:
            found["error"] = str(error)
        return found


async def by_grpc(address: str) -> dict[str, Any]:
    async with InferenceGRPCClient(url=address) as client:
        return {
            "live": await client.is_server_live(),
            "ready": await client.is_server_ready(),
            "model": await client.is_model_ready("delay"),
            "raw": plain(await client.infer(request("delay", True))),
            "contents": plain(await client.infer(request("delay", False))),
        }


async def main(url: str, address: str) -> None:
    print(json.dumps({"rest": await by_rest(url), "grpc": await by_grpc(address)}))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
