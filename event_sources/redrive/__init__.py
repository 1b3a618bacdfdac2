"""Dead letters sent again (a redrive, as AWS has it): each goes back to where it came from, and is
taken from its place only when that was confirmed.  One kind of place a file, in `places/`; which
letters, in which order and what is said of each is decided once, in `run.py`.
"""

from .kept import Kept as Kept
from .place import CannotRedrive as CannotRedrive
from .place import NotSent as NotSent
from .place import Place as Place
from .places import place_of as place_of
from .run import Redriven as Redriven
from .run import look as look
from .run import redrive as redrive
from .wanted import Wanted as Wanted

__all__ = [
    "CannotRedrive",
    "Kept",
    "NotSent",
    "Place",
    "Redriven",
    "Wanted",
    "look",
    "place_of",
    "redrive",
]
