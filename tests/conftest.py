"""What every test has: properties that are about values, never about how fast the machine is.

As many examples as the whole suite's five minutes allow; `make test-slow` tries many more.
"""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "any speed",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    max_examples=40,
)
settings.register_profile("exhaustive", settings.get_profile("any speed"), max_examples=500)
settings.load_profile("any speed")
