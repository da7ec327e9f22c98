"""Events to rows and back, in one place to import from."""

from clearing.events.decoding import decode
from clearing.events.encoder import VERSION
from clearing.events.encoding import encode

__all__ = ["VERSION", "decode", "encode"]
