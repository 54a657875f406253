"""The names that a script may import, for an editor's help: `from domo.api import Data, Order, Relay`."""

from .core.model import Order
from .scripts.api import Data, Other, Relay, Timer

__all__ = ["Data", "Order", "Other", "Relay", "Timer"]
