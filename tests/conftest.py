"""For every test: Hypothesis judges values and not how busy the machine is; a failure prints how to repeat it."""

from hypothesis import settings

settings.register_profile("bascule", deadline=None, print_blob=True)
settings.load_profile("bascule")
