"""The plugins that hold the suite's fixtures; each subject has its file in tests/fixtures/."""

pytest_plugins = [
    "tests.fixtures.long",
    "tests.fixtures.cluster",
    "tests.fixtures.database",
    "tests.fixtures.world",
    "tests.fixtures.core",
    "tests.fixtures.application",
    "tests.fixtures.live",
    "tests.fixtures.browser",
]
