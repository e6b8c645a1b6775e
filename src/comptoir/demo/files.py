"""Small real files for the letters' attachments, made here: a PNG of a speed test or a photo, a one-page PDF. Pure."""

import random
import struct
import zlib

_WIDTH, _HEIGHT = 320, 180
Colour = tuple[int, int, int]


def _png(rows: list[bytes], palette: list[Colour]) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 3, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows), 9)
    colours = b"".join(bytes(colour) for colour in palette)
    parts = chunk(b"IHDR", header), chunk(b"PLTE", colours), chunk(b"IDAT", pixels), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def speed_test_png(rng: random.Random) -> bytes:
    """Return a picture of evening speed measurements: bars that fall."""
    palette = [(250, 248, 243), (36, 84, 160), (205, 80, 60), (210, 205, 195)]
    heights = [max(6, int(130 * 0.84**hour + rng.randrange(-8, 9))) for hour in range(12)]
    rows = []
    for y in range(_HEIGHT):
        row = bytearray(3 if y % 40 == 20 else 0 for _ in range(_WIDTH))
        for hour, height in enumerate(heights):
            if _HEIGHT - 18 - height <= y < _HEIGHT - 18:
                left = 20 + hour * 24
                row[left : left + 16] = bytes([2 if height < 40 else 1]) * 16
        rows.append(bytes(row))
    return _png(rows, palette)


def photo_png(rng: random.Random) -> bytes:
    """Return a picture of a box in a dark corner with one light on: what people photograph."""
    palette = [(44, 40, 38), (70, 64, 60), (226, 224, 218), (196, 192, 184), (222, 72, 48), (120, 112, 104)]
    light_x = 120 + rng.randrange(0, 80)
    rows = []
    for y in range(_HEIGHT):
        row = bytearray(5 if y > 140 else 1 if (y // 9) % 2 else 0 for _ in range(_WIDTH))
        if 60 <= y < 145:
            row[70:250] = bytes([2 if y < 128 else 3]) * 180
        if 96 <= y < 104:
            row[light_x : light_x + 8] = bytes([4]) * 8
        rows.append(bytes(row))
    return _png(rows, palette)


def invoice_pdf(lines: list[str]) -> bytes:
    """Return a one-page PDF 1.4 with a heading and lines of text in Helvetica."""
    content = b"BT /F1 20 Tf 60 770 Td (Ondavelle) Tj /F1 11 Tf 0 -40 Td 16 TL\n"
    for line in lines:
        escaped = line.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
        content += b"(" + escaped.encode("cp1252", "replace") + b") Tj T*\n"
    content += b"ET"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 5 0 R "
        b"/Resources << /Font << /F1 4 0 R >> >> >>",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
    ]
    out, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    trailer = b"trailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % len(out)
    return out + b"xref\n0 6\n0000000000 65535 f \n" + table + trailer
