"""The Open Inference Protocol (v2): one data plane with no wire in it, and skins over it."""

from .errors import ProtocolError, WrongTensor
from .function import OpenInference, oip
from .messages import InferRequest, InferResponse, Wanted
from .plane import Plane
from .tensors import Tensor

__all__ = [
    "InferRequest",
    "InferResponse",
    "OpenInference",
    "Plane",
    "ProtocolError",
    "Tensor",
    "Wanted",
    "WrongTensor",
    "oip",
]
