"""Fixtures and settings shared by all tests."""

import os

from hypothesis import settings

# The same examples on every machine; `HYPOTHESIS_PROFILE=explore make pytest` looks further.
settings.register_profile("ringfence", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("explore", derandomize=False, deadline=None, print_blob=True, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ringfence"))
