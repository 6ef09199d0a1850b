"""The payments' sandbox, for what donors do there."""

from tests.payments.conftest import _sandbox, own_sandbox, sandbox

__all__ = ["_sandbox", "own_sandbox", "sandbox"]
