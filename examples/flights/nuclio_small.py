"""A native Nuclio function in one file: how far, in a few words.  It knows nothing of pelton."""

import json


def handler(context, event):  # type: ignore[no-untyped-def]
    miles = (
        json.loads(event.body)["distance"]
        if isinstance(event.body, bytes)
        else event.body["distance"]
    )
    context.logger.info_with("asked", miles=miles)
    return {"haul": "short" if miles < 700 else "medium" if miles < 1800 else "long"}
