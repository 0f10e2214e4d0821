"""How a check says that something does not hold."""


class Wrong(Exception):
    """What was found instead."""


def want(condition, text):
    if not condition:
        raise Wrong(text)


def want_equal(what, found, wanted):
    """`found` is what it must be; both are shown, octets as hexadecimal."""
    if found != wanted:
        raise Wrong(f"{what} is {shown(found)}, not {shown(wanted)}")


def shown(value):
    text = value.hex() if isinstance(value, bytes) else str(value)
    return text if len(text) <= 120 else text[:120] + "..."
