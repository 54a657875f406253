"""Device trees: what the firmware of a Raspberry Pi adds before Linux starts, QEMU does not."""

from __future__ import annotations

import struct

BEGIN_NODE, END_NODE, PROPERTY = 1, 2, 3
REVISION = 0xA02082  # a Raspberry Pi 3 Model B, as QEMU's


def with_revision(tree: bytes) -> bytes:
    """The flattened tree with /system/linux,revision, by which RPi.GPIO knows the board."""
    magic, _, structs, strings, reserve, version, compatible, cpu, strings_size, structs_size = (
        struct.unpack_from(">10I", tree)
    )
    body = tree[structs : structs + structs_size]
    names = tree[strings : strings + strings_size]
    end = struct.pack(">2I", END_NODE, 9)  # of the root, and of the tree
    if magic != 0xD00DFEED or not body.endswith(end):
        raise ValueError("this is no flattened device tree")
    node = struct.pack(">I8s", BEGIN_NODE, b"system")
    node += struct.pack(">4I", PROPERTY, 4, len(names), REVISION) + struct.pack(">I", END_NODE)
    body = body[: -len(end)] + node + end
    names += b"linux,revision\0"
    strings = structs + len(body)
    head = (strings + len(names), structs, strings, reserve, version, compatible, cpu, len(names), len(body))
    return struct.pack(">10I", magic, *head) + tree[40:structs] + body + names
