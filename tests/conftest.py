"""Settings of every test: quiet TensorFlow, one seed for what a test does not seed itself."""

import os

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

pytest.register_assert_rewrite("kit")
