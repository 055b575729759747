"""Image files made byte by byte: upright and turned, huge, endless."""

import struct
import zlib

import numpy as np
import tensorflow as tf


def picture(height=32, width=48, seed=0):
    """Smooth colours without any symmetry: (height, width, 3) uint8."""
    rng = np.random.default_rng(seed)
    small = rng.uniform(0, 255, (1, 3, 4, 3)).astype("float32")
    return np.rint(tf.image.resize(small, (height, width))[0].numpy()).astype(np.uint8)


def jpeg(pixels, orientation=None, order="big"):
    """A JPEG file, with EXIF's orientation if one is given."""
    data = tf.io.encode_jpeg(pixels, quality=95).numpy()
    return data if orientation is None else data[:2] + exif(orientation, order) + data[2:]


def exif(orientation, order="big"):
    """The JPEG segment that says which side the first row and the first column are on."""
    mark, tail = (b"MM\0*", ">") if order == "big" else (b"II*\0", "<")
    entries = [
        (0x0100, 4, struct.pack(f"{tail}I", 7)),  # another tag before it
        (0x0112, 3, struct.pack(f"{tail}HH", orientation, 0)),
    ]
    directory = struct.pack(f"{tail}H", len(entries))
    for tag, kind, value in entries:
        directory += struct.pack(f"{tail}HHI", tag, kind, 1) + value
    body = b"Exif\0\0" + mark + struct.pack(f"{tail}I", 8) + directory + bytes(4)
    return b"\xff\xe1" + struct.pack(">H", 2 + len(body)) + body


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def black_png(height, width):
    """A whole PNG file of one bit a pixel: a thousandth of what it unpacks to."""
    size = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes(height * (1 + (width + 7) // 8)), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


GIF_COLORS = np.array([(2 * i, 255 - 2 * i, i) for i in range(128)], np.uint8)


def gif(*frames):
    """A GIF file of frames, each (height, width) of indices below 128 into `GIF_COLORS`."""
    height, width = frames[0].shape
    data = b"GIF89a" + struct.pack("<HHBBB", width, height, 0xE6, 0, 0) + GIF_COLORS.tobytes()
    for frame in frames:
        codes = b"".join(b"\x80" + part.tobytes() for part in _parts(frame.ravel(), 100))
        blocks = b"".join(bytes([len(c)]) + c for c in _parts(codes + b"\x81", 255))
        data += b"," + struct.pack("<HHHHB", 0, 0, *frame.shape[::-1], 0) + b"\x07" + blocks + b"\0"
    return data + b";"


def _parts(values, length):
    """Clear codes before so few pixels keep every code at eight bits."""
    return [values[i : i + length] for i in range(0, len(values), length)]


def gif_bomb(height, width, frames):
    """A GIF file of frames that end right after they begin."""
    frame = b"," + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02\x4c\x01\0"
    return gif(np.zeros((1, 1), np.uint8))[:-1] + frames * frame + b";"


def bmp(pixels):
    """A BMP file of 24 bits a pixel, (height, width, 3), bottom row first."""
    height, width, _ = pixels.shape
    rows = np.pad(pixels[::-1, :, ::-1].reshape(height, -1), ((0, 0), (0, -3 * width % 4)))
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, rows.size, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + rows.size, 0, 0, 54) + head + rows.tobytes()
