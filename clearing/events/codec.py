"""Events to rows and back, in one place to import from."""

from clearing.events.decoding import decode
from clearing.events.encoding import VERSION, encode

__all__ = ["VERSION", "decode", "encode"]
