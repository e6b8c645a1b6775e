"""The message inside an S/MIME 'signed-data' envelope (RFC 8551), without checking the signature.

Only the path to the content is read: ContentInfo, SignedData, EncapsulatedContentInfo, OCTET STRING, in DER or in
the indefinite lengths of BER. Encrypted data has no such path, and the answer is None.
"""

_SIGNED_DATA = bytes.fromhex("06092a864886f70d010702")
_DATA = bytes.fromhex("06092a864886f70d010701")
_MAX_CHUNKS = 100_000


def read_signed_content(data: bytes) -> bytes | None:
    """Return the bytes that were signed, or None where `data` is not readable signed data."""
    outer = data.find(_SIGNED_DATA, 0, 64)
    if outer < 0:
        return None
    inner = data.find(_DATA, outer + len(_SIGNED_DATA), outer + 400)
    if inner < 0:
        return None
    pos = inner + len(_DATA)
    wrapper = _tag(data, pos)  # [0] EXPLICIT
    if wrapper is None or data[pos] != 0xA0:
        return None
    return _octets(data, wrapper[0])


def _tag(data: bytes, pos: int) -> tuple[int, int] | None:
    """Return where the content of the value at `pos` begins and how long it is (-1: until the end mark)."""
    if pos + 2 > len(data):
        return None
    length = data[pos + 1]
    if length < 0x80:
        return pos + 2, length
    if length == 0x80:
        return pos + 2, -1
    count = length & 0x7F
    if count > 4 or pos + 2 + count > len(data):
        return None
    return pos + 2 + count, int.from_bytes(data[pos + 2 : pos + 2 + count], "big")


def _octets(data: bytes, pos: int) -> bytes | None:
    """Return an OCTET STRING, put together where it came in chunks."""
    head = _tag(data, pos)
    if head is None:
        return None
    start, length = head
    if data[pos] == 0x04 and length >= 0:
        return data[start : start + length]
    if data[pos] != 0x24:
        return None
    chunks: list[bytes] = []
    end = len(data) if length < 0 else min(len(data), start + length)
    while start < end and len(chunks) < _MAX_CHUNKS:
        if data[start] != 0x04:
            break
        chunk = _tag(data, start)
        if chunk is None or chunk[1] < 0:
            break
        chunks.append(data[chunk[0] : chunk[0] + chunk[1]])
        start = chunk[0] + chunk[1]
    return b"".join(chunks) if chunks else None
