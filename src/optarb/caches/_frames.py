"""How a value lies in a file: header, key, value, and a checksum over all of them.

The value begins at a multiple of 64 bytes, so that arrays in it can be used where they are mapped.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from typing import Final

__all__ = ["Frame", "framed", "read_frame", "read_key"]

_MAGIC: Final = b"OPTARBC1"
_DIGEST_SIZE: Final = 16
_HEAD: Final = struct.Struct(f"<8s{_DIGEST_SIZE}s")
_FIELDS: Final = struct.Struct("<dIQ")  # expires_at, length of the key, length of the value
_KEY_AT: Final = _HEAD.size + _FIELDS.size
_ALIGNMENT: Final = 64


@dataclass(frozen=True, slots=True)
class Frame:
    """A value as it lies in a file."""

    expires_at: float
    """Seconds since 1970; infinity for no end."""
    value_at: int
    """Where the value begins."""
    value_length: int
    """Its bytes."""


def framed(key: str, value: bytes, expires_at: float) -> bytes:
    """Returns all that goes before the value."""
    name = key.encode()
    fields = _FIELDS.pack(expires_at, len(name), len(value))
    padding = bytes(-(_KEY_AT + len(name)) % _ALIGNMENT)
    return _HEAD.pack(_MAGIC, _digest(fields, name, value)) + fields + name + padding


def read_frame(data: bytes | memoryview, key: str, *, verify: bool) -> Frame | None:
    """Reads a file's content.

    Args:
        data: All of it.
        key: The key it should hold.
        verify: Whether to compute the checksum, which reads the whole value.

    Returns:
        The frame, or None if anything is wrong with it.
    """
    if len(data) < _KEY_AT:
        return None
    magic, digest = _HEAD.unpack_from(data)
    expires_at, key_length, value_length = _FIELDS.unpack_from(data, _HEAD.size)
    name = bytes(data[_KEY_AT : _KEY_AT + key_length])
    value_at = _KEY_AT + key_length + -(_KEY_AT + key_length) % _ALIGNMENT
    if magic != _MAGIC or name != key.encode() or len(data) != value_at + value_length:
        return None
    if verify and _digest(bytes(data[_HEAD.size : _KEY_AT]), name, memoryview(data)[value_at:]) != digest:
        return None
    return Frame(expires_at, value_at, value_length)


def read_key(beginning: bytes) -> str | None:
    """Reads the key from the beginning of a file; None if it holds none."""
    if len(beginning) < _KEY_AT or not beginning.startswith(_MAGIC):
        return None
    _, key_length, _ = _FIELDS.unpack_from(beginning, _HEAD.size)
    try:
        return beginning[_KEY_AT : _KEY_AT + key_length].decode()
    except UnicodeDecodeError:
        return None


def _digest(fields: bytes, name: bytes, value: bytes | memoryview) -> bytes:
    hasher = hashlib.blake2b(fields, digest_size=_DIGEST_SIZE)
    hasher.update(name)
    hasher.update(value)
    return hasher.digest()
