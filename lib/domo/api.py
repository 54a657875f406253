"""What a script may name, for an editor: `from domo.api import Data, Order, Relay`."""

from .core.model import Order
from .scripts.api import Data, Other, Relay, Timer

__all__ = ["Data", "Order", "Other", "Relay", "Timer"]
