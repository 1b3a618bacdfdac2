"""Where messages go that are given up, one kind a file, all of one shape (`base.DeadLetters`)."""

from .base import DeadLetters as DeadLetters
from .base import Discard as Discard
from .broker import ToBroker as ToBroker
from .call import ToCall as ToCall
from .file import ToFile as ToFile

__all__ = ["DeadLetters", "Discard", "ToBroker", "ToCall", "ToFile"]
