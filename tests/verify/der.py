"""DER (X.690), read strictly: definite, minimal lengths and nothing left over."""

from wrong import Wrong

BOOLEAN, INTEGER, BIT_STRING, OCTET_STRING, OID = 0x01, 0x02, 0x03, 0x04, 0x06
UTC_TIME, GENERALIZED_TIME = 0x17, 0x18
SEQUENCE, SET = 0x30, 0x31


def context(number, constructed=True):
    """The tag [number]."""
    return 0x80 | (0x20 if constructed else 0) | number


class Element:
    """One element: tag, content, and `whole`, which is both with the length between."""

    def __init__(self, tag, content, whole):
        self.tag = tag
        self.content = content
        self.whole = whole

    def children(self):
        elements, rest = [], self.content
        while rest:
            element = read_first(rest)
            elements.append(element)
            rest = rest[len(element.whole):]
        return elements

    def expect(self, tag):
        if self.tag != tag:
            raise Wrong(f"DER: tag {self.tag:02x} where {tag:02x} belongs")
        return self

    def integer(self):
        return int.from_bytes(self.expect(INTEGER).content, "big", signed=True)

    def oid(self):
        return oid_text(self.expect(OID).content)


def read_first(octets):
    if len(octets) < 2 or octets[0] & 0x1F == 0x1F:
        raise Wrong("DER: no element where one belongs")
    begin, length = 2, octets[1]
    if length & 0x80:
        begin += length & 0x7F
        length = int.from_bytes(octets[2:begin], "big")
        if begin == 2 or length < 0x80 or octets[2] == 0:
            raise Wrong("DER: a length that is not in its shortest definite form")
    if begin + length > len(octets):
        raise Wrong("DER: cut short")
    return Element(octets[0], octets[begin:begin + length], octets[:begin + length])


def read(octets, tag=None):
    """The one element that the octets are."""
    element = read_first(octets)
    if len(element.whole) != len(octets):
        raise Wrong(f"DER: {len(octets) - len(element.whole)} octets too many")
    return element if tag is None else element.expect(tag)


def oid_text(content):
    numbers, value = [], 0
    for octet in content:
        value = value << 7 | octet & 0x7F
        if not octet & 0x80:
            numbers.append(value)
            value = 0
    if not numbers or content[-1] & 0x80:
        raise Wrong("DER: no object identifier")
    first = min(numbers[0] // 40, 2)
    return ".".join(map(str, [first, numbers[0] - 40 * first, *numbers[1:]]))


def write(tag, content):
    length = len(content)
    if length < 0x80:
        return bytes([tag, length]) + content
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + content
