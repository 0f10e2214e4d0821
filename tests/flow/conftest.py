"""The stages that the tests play on."""

from stages import fixture_bins, fixture_make_scene, fixture_scene  # noqa: F401
