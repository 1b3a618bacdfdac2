"""Write serving_graph/oip/grpc_messages.py: the descriptor of open_inference.proto, as Python.

The descriptor alone is kept, not protoc's module: that would hold people to the protobuf that wrote
it, and would put its names where those of another client of the protocol are.
"""

from __future__ import annotations

import base64
import sys
import tempfile
import textwrap
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "serving_graph" / "oip"
PROTO, TARGET = FOLDER / "open_inference.proto", FOLDER / "grpc_messages.py"
HEAD = '''"""The message classes of open_inference.proto, as tools/make_proto.py writes it.

They are in a pool of their own, so that a client of the protocol, which has messages of the same
names, can be used in the same process.
"""

from __future__ import annotations

import base64
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

DESCRIPTOR = """
'''
TAIL = '''"""


def _classes() -> dict[str, Any]:
    pool = descriptor_pool.DescriptorPool()
    found = descriptor_pb2.FileDescriptorSet.FromString(base64.b64decode(DESCRIPTOR))
    for each in found.file:
        pool.AddSerializedFile(each.SerializeToString())
    named = pool.FindFileByName(found.file[-1].name).message_types_by_name
    return {name: message_factory.GetMessageClass(each) for name, each in named.items()}


MESSAGES: dict[str, Any] = _classes()
'''


def source() -> str:
    """What the module is to hold."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "set.bin"
        words = ["protoc", f"-I{FOLDER}", f"--descriptor_set_out={out}", str(PROTO)]
        if protoc.main(words) != 0:
            raise SystemExit(f"{PROTO} does not compile")
        text = base64.b64encode(out.read_bytes()).decode()
    return HEAD + "\n".join(textwrap.wrap(text, 100)) + "\n" + TAIL


def main() -> None:
    TARGET.write_text(source())
    print(TARGET.relative_to(ROOT))


if __name__ == "__main__":
    sys.exit(main())
