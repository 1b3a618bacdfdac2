"""Where it is kept which messages are done, one store a file, all of one shape (`base.Store`)."""

from .base import Claim as Claim
from .base import Store as Store

__all__ = ["Claim", "Store"]
