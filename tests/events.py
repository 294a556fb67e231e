"""Read TensorBoard's event files without TensorBoard."""

import struct
from pathlib import Path

from tensorboardX.proto.event_pb2 import Event


def read_events(folder: Path) -> list[tuple[int, dict[str, float]]]:
    """Read a folder's one event file: records of length (8 bytes), its CRC (4), content, its CRC (4)."""
    (path,) = folder.iterdir()
    content, events, at = path.read_bytes(), [], 0
    while at < len(content):
        (length,) = struct.unpack_from("<Q", content, at)
        event = Event.FromString(content[at + 12 : at + 12 + length])
        at += length + 16
        if event.summary.value:
            events.append((event.step, {value.tag: value.simple_value for value in event.summary.value}))
    return events
