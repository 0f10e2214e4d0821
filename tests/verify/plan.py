"""The list of checks, in the order in which they are declared, and running them."""

from wrong import Wrong

checks = []  # (what holds, how to find out)


def once(text):
    """A check of the whole scene."""
    def register(function):
        checks.append((text, lambda scene: complaints([("", function, scene)])))
        return function
    return register


def for_each_pledge(text):
    """A check that must hold for every pledge."""
    def register(function):
        checks.append((text, lambda scene: complaints(
            [(f"{pledge.serial}: ", function, pledge) for pledge in scene.pledges])))
        return function
    return register


def complaints(cases):
    """What is wrong, one text for each case.  Evidence that cannot be read is wrong, too."""
    found = []
    for prefix, function, argument in cases:
        try:
            function(argument)
        except Wrong as wrong:
            found.append(f"{prefix}{wrong}")
        except Exception as error:  # whatever kept it from being read
            found.append(f"{prefix}{type(error).__name__}: {error}")
    return found


def run(scene, shown):
    """Prints TAP; how many checks failed."""
    failed = 0
    for number, (text, find) in enumerate(checks, 1):
        try:
            found = find(scene)
        except OSError as error:
            found = [str(error)]
        for line in found[:shown]:
            print(f"# {line}")
        if len(found) > shown:
            print(f"# and {len(found) - shown} more")
        print(f"{'not ok' if found else 'ok'} {number} - {text}", flush=True)
        failed += bool(found)
    print(f"1..{len(checks)}")
    return failed
