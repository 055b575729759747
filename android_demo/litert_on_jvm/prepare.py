"""Makes LiteRT's library for Android (x86-64) loadable on Linux: for the tests of the app alone.

    python android_demo/litert_on_jvm/prepare.py LIBRARY FOLDER

LIBRARY is the libtensorflowlite_jni.so of the archive that the app uses; FOLDER gets a copy of it
beside the libraries it asks for by Android's names. Two things stand between it and glibc: versions
of symbols, which are dropped, and a few functions, which bionic.c gives. Needs gcc.
"""

import struct
import subprocess
import sys
from pathlib import Path

LIBRARY_NAME = "libtensorflowlite_jni.so"
SHIMS = Path(__file__).with_name("bionic.c")
VERSION_TAGS = {0x6FFFFFF0, 0x6FFFFFFC, 0x6FFFFFFD, 0x6FFFFFFE, 0x6FFFFFFF}
IGNORED = 21  # DT_DEBUG, which a loader leaves alone in a library
STRING_TABLE, STRING_BYTES = 5, 10
DYNAMIC, PROGRAM_HEADER = 2, 56
RENAMED = (b"fprintf", b"fputc", b"fwrite", b"fflush")  # also at the end of vfprintf


def main(library, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("libc.so", "liblog.so", "libm.so", "libdl.so"):
        source = [SHIMS] if name == "libc.so" else ["-x", "c", "/dev/null"]
        subprocess.run(
            ["gcc", "-shared", "-fPIC", *source, "-Wl,--no-as-needed", "-lm", "-o", folder / name],
            check=True,
        )
    (folder / LIBRARY_NAME).write_bytes(for_glibc(library.read_bytes()))


def for_glibc(content):
    """The library without versions of symbols, and with the functions of bionic.c."""
    data = bytearray(content)
    segments = [
        struct.unpack_from("<IIQQQQ", data, start)
        for start in range(
            struct.unpack_from("<Q", data, 32)[0],
            struct.unpack_from("<Q", data, 32)[0]
            + PROGRAM_HEADER * struct.unpack_from("<H", data, 56)[0],
            PROGRAM_HEADER,
        )
    ]
    (start, size) = next((s[2], s[5]) for s in segments if s[0] == DYNAMIC)
    values = {}
    for entry in range(start, start + size, 16):
        tag, value = struct.unpack_from("<QQ", data, entry)
        values.setdefault(tag, value)
        if tag in VERSION_TAGS:
            struct.pack_into("<Q", data, entry, IGNORED)
    address, length = values[STRING_TABLE], values[STRING_BYTES]
    offset = next(address - s[3] + s[2] for s in segments if s[3] <= address < s[3] + s[5])
    names = bytes(data[offset : offset + length])
    for name in RENAMED:
        names = names.replace(name + b"\0", b"b" + name[1:] + b"\0")
    data[offset : offset + length] = names
    return bytes(data)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
