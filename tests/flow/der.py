"""Just enough DER to read what EST and CMS put on the wire, without anybody's library."""

SEQUENCE, SET, OID, INTEGER, OCTETS = 0x30, 0x31, 0x06, 0x02, 0x04
EXPLICIT_0 = 0xA0


def elements(octets):
    """The elements that stand side by side, as (tag, content); whole, or ValueError."""
    found = []
    while octets:
        if len(octets) < 2:
            raise ValueError("half an element")
        tag, length, at = octets[0], octets[1], 2
        if length & 0x80:
            count = length & 0x7F
            length = int.from_bytes(octets[2:2 + count], "big")
            at += count
        if len(octets) < at + length:
            raise ValueError("half an element")
        found.append((tag, octets[at:at + length]))
        octets = octets[at + length:]
    return found


def inside(octets, tag):
    """The content of the one element that is all there is."""
    (found, content), = elements(octets)
    if found != tag:
        raise ValueError(f"tag {found:#x} where {tag:#x} was expected")
    return content


def oid(content):
    """Dotted text of an OBJECT IDENTIFIER's content."""
    arcs, value = [], 0
    for octet in content:
        value = value << 7 | octet & 0x7F
        if not octet & 0x80:
            arcs.append(value)
            value = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, [first, arcs[0] - first * 40, *arcs[1:]]))


def content_type(cms):
    """eContentType of a SignedData in a ContentInfo."""
    (_, _), (_, explicit) = elements(inside(cms, SEQUENCE))
    signed_data = elements(inside(explicit, SEQUENCE))
    encapsulated = next(content for tag, content in signed_data if tag == SEQUENCE)
    return oid(elements(encapsulated)[0][1])


class Attributes:
    """CSR attributes (RFC 7030 4.5.2): what the server asks of a certification request."""

    EXTENSION_REQUEST = "1.2.840.113549.1.9.14"
    EC_PUBLIC_KEY = "1.2.840.10045.2.1"

    def __init__(self, octets):
        self.oids = []  # elements that are bare OIDs
        self.curve = None
        self.extensions = {}  # OID to the octets of the value
        for tag, content in elements(inside(octets, SEQUENCE)):
            if tag == OID:
                self.oids.append(oid(content))
            else:
                self._attribute(content)

    def _attribute(self, content):
        (_, kind), (_, values) = elements(content)
        if oid(kind) == self.EC_PUBLIC_KEY:
            self.curve = oid(inside(values, OID))
        elif oid(kind) == self.EXTENSION_REQUEST:
            for _, extension in elements(inside(values, SEQUENCE)):
                parts = elements(extension)
                self.extensions[oid(parts[0][1])] = parts[-1][1]
