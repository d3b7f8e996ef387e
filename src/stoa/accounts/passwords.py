"""Passwords as argon2id. Each call costs tens of milliseconds of CPU: never on the event loop, never in the writer."""

from __future__ import annotations

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError


class Passwords:
    """The defaults are RFC 9106's second choice: 64 MiB, three passes."""

    def __init__(self, *, passes: int = 3, memory_kib: int = 65_536, lanes: int = 4) -> None:
        self._hasher = PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=lanes)
        # A hash that no password is known for, and that costs as much to try one on as any other.
        self._nobody = (
            f"$argon2id$v=19$m={memory_kib},t={passes},p={lanes}${'c3RvYS1ub2JvZHkuLi4u'}${'A' * 43}"
        )

    def hash(self, password: str) -> str:
        return self._hasher.hash(_as_bytes(password))

    def verify(self, password: str, password_hash: str | None) -> bool:
        """False for a wrong password. None is nobody's hash: it takes as long as a wrong password does."""
        try:
            self._hasher.verify(password_hash or self._nobody, _as_bytes(password))
        except (VerificationError, InvalidHashError):
            return False
        return password_hash is not None


def _as_bytes(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")
