"""What the first bytes of an image file say: its format, its size, which way up it is.

Nothing is decoded here. A picture that would take too much memory is refused by its header, in
pure Python: a file of a megabyte may hold one of 20,000 x 20,000.
"""

import mmap
import os
import re
from pathlib import Path
from typing import Literal, NamedTuple

from kerascnn.errors import UserError
from kerascnn.files import readable_file

IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".gif"}
# Decoding takes up to 9 bytes a pixel (a progressive JPEG: 6 of coefficients, 3 of the picture),
# and several are decoded at a time: this many take 1.2 GB each. Photographs have 12 to 108 million.
MOST_PIXELS = 2**27
MOST_BYTES = 4 * MOST_PIXELS  # of a file: as many pixels of four bytes, not compressed
MOST_GIF_BYTES = 2**26  # a GIF is walked through to its end, block by block: seconds
MOST_FRAME_PIXELS = 4 * MOST_PIXELS  # all frames of a GIF are unpacked, a byte a pixel
MOST_PARTS = 2**16  # segments or frames; real files have up to some thousands
FIRST_READ = 2**15  # bytes; holds the header of most files
JPEG_END = b"\xff\xd9"
JPEG_MARKER = re.compile(rb"\xff([\x01-\xfe])")
JPEG_ALONE = {0x01, *range(0xD0, 0xD8)}  # markers without a segment behind them
JPEG_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # they carry the size


class Header(NamedTuple):
    """format: as "JPEG". height, width: as stored. orientation: EXIF's, 1 (upright) to 8."""

    format: str
    height: int
    width: int
    orientation: int = 1


class _NotSupportedError(Exception):
    """Says what is wrong with a header, for the line that names its file."""


def read_header(path: str | Path) -> Header:
    """Reads the `Header` of an image file, whatever its suffix says.

    Raises:
        UserError: no file, one too large or cut off, not an image, or one of too many pixels.
    """
    path = readable_file(path, most=MOST_BYTES)
    try:
        with path.open("rb") as stream:
            first = stream.read(FIRST_READ)
            header = _parse(first)
            if header is None and len(first) == FIRST_READ:
                with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as whole:
                    header = _parse(whole)
            if header and header.format == "JPEG":
                _refuse_cut_off(stream)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from None
    except _NotSupportedError as error:
        raise UserError(f"{path}: {error}") from None
    if header is None:
        raise UserError(f"{path}: ends within its header; get the image anew")
    if not header.height or not header.width:
        raise UserError(f"{path}: a {header.format} image of {header.width} x {header.height}")
    if header.height * header.width > MOST_PIXELS:
        raise UserError(
            f"{path}: {header.width:,} x {header.height:,} pixels, expected at most "
            f"{MOST_PIXELS:,} in all; make it smaller"
        )
    return header


def _parse(data):
    """The `Header` in the first bytes of a file; None where it needs more of them."""
    for magic, parse in PARSERS.items():
        if data[: len(magic)] == magic:
            return parse(data)
    raise _NotSupportedError("not a JPEG, PNG, BMP or GIF image")


def _jpeg(data):
    found = _jpeg_frame(data)
    return found and found[0]


def _jpeg_frame(data):
    """Walks from segment to segment, as libjpeg does, until one carries the size.

    Returns the `Header` and where that segment stands.
    """
    place, orientation = 2, 1
    for _ in range(MOST_PARTS):
        found = JPEG_MARKER.search(data, place)
        if not found:
            return None
        marker, place = found[1][0], found.end()
        if marker in JPEG_ALONE:
            continue
        if marker in (0xD8, 0xD9, 0xDA):  # a second start, the end, or pixels of no known size
            raise _NotSupportedError("a JPEG image without a size")
        length = _big(data, place, 2)
        segment = data[place + 2 : place + max(length, 8)]
        if len(segment) < max(length, 8) - 2:
            return None
        if marker in JPEG_FRAMES:
            return Header("JPEG", _big(segment, 1, 2), _big(segment, 3, 2), orientation), place
        if marker == 0xE1 and segment.startswith(b"Exif\0\0") and orientation == 1:
            orientation = _orientation(segment[6:])
        place += max(length, 2)
    raise _NotSupportedError("a JPEG image without a size")


def _refuse_cut_off(stream):
    """A JPEG that lacks its end marker cannot be decoded; phones append a film behind it."""
    stream.seek(-len(JPEG_END), os.SEEK_END)
    if stream.read() != JPEG_END:
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as whole:
            found = _jpeg_frame(whole)
            if found is None or whole.find(JPEG_END, found[1]) < 0:
                raise _NotSupportedError("a JPEG image that is cut off; get it anew")


def _orientation(tiff):
    """EXIF's orientation, 1 to 8, in the block that it borrows from TIFF; 1 where it has none."""
    orders: dict[bytes, Literal["little", "big"]] = {b"II*\0": "little", b"MM\0*": "big"}
    order = orders.get(tiff[:4])
    if order is None:
        return 1

    def number(start, size):
        return int.from_bytes(tiff[start : start + size], order)

    directory = number(4, 4)
    for entry in range(directory + 2, directory + 2 + 12 * number(directory, 2), 12):
        if number(entry, 2) == 0x0112:
            value = number(entry + 8, 2)
            return value if number(entry + 2, 2) == 3 and 1 <= value <= 8 else 1
        if entry > len(tiff):
            break
    return 1


def _png(data):
    if len(data) < 24:
        return None
    if data[12:16] != b"IHDR":
        raise _NotSupportedError("a PNG image without a size")
    return Header("PNG", _big(data, 20, 4), _big(data, 16, 4))


def _bmp(data):
    """Of the many kinds of BMP, those that TensorFlow reads for what they are."""
    if len(data) < 54:
        return None
    header, (width, height) = _little(data, 14, 4), (_signed(data, 18), _signed(data, 22))
    bits, compression = _little(data, 28, 2), _little(data, 30, 4)
    if header < 40 or bits not in (8, 24, 32) or compression not in (0, 3) or width < 0:
        raise _NotSupportedError("a BMP image of a rare kind; save it as PNG")
    if bits == 8:  # its bytes are taken for grey levels: so must the palette take them
        palette = data[14 + header : min(_little(data, 10, 4), 14 + header + 1024)]
        if len(palette) < 1024 and len(data) == FIRST_READ:
            return None
        if len(palette) < 1024 or any(
            palette[4 * i : 4 * i + 3] != bytes([i] * 3) for i in range(256)
        ):
            raise _NotSupportedError("a BMP image with a palette; save it as PNG")
    return Header("BMP", abs(height), width)


def _gif(data):
    """Walks through the frames: the size of the first is not the most that is unpacked."""
    if len(data) > MOST_GIF_BYTES:
        raise _NotSupportedError(
            f"a GIF image of more than {MOST_GIF_BYTES:,} bytes; save it as PNG"
        )
    if len(data) < 13:
        return None
    place, height, width, pixels = 13 + _color_table(data, 10), 0, 0, 0
    for _ in range(MOST_PARTS):
        kind = data[place : place + 1]
        if kind == b"!":
            place += 2
        elif kind == b",":
            high, wide = _little(data, place + 7, 2), _little(data, place + 5, 2)
            height, width, pixels = max(height, high), max(width, wide), pixels + high * wide
            place += 11 + _color_table(data, place + 9)
        elif not kind and len(data) == FIRST_READ:
            return None
        else:  # the end, or what ends the reading too
            return _gif_header(height, width, pixels)
        while (length := _little(data, place, 1)) and place < len(data):
            place += 1 + length
        place += 1
    raise _NotSupportedError(f"a GIF image of more than {MOST_PARTS:,} blocks; save it as PNG")


def _gif_header(height, width, pixels):
    if pixels > MOST_FRAME_PIXELS:
        raise _NotSupportedError(
            f"a GIF image with frames of {pixels:,} pixels, expected at most "
            f"{MOST_FRAME_PIXELS:,}; save the first as PNG"
        )
    return Header("GIF", height, width)


def _color_table(data, place):
    """Bytes of the colour table that the flags at `place` announce."""
    flags = _little(data, place, 1)
    return 3 * 2 ** (flags % 8 + 1) if flags & 0x80 else 0


def _big(data, place, size):
    return int.from_bytes(data[place : place + size], "big")


def _little(data, place, size):
    return int.from_bytes(data[place : place + size], "little")


def _signed(data, place):
    return int.from_bytes(data[place : place + 4], "little", signed=True)


PARSERS = {
    b"\xff\xd8\xff": _jpeg,
    b"\x89PNG\r\n\x1a\n": _png,
    b"BM": _bmp,
    b"GIF87a": _gif,
    b"GIF89a": _gif,
}
