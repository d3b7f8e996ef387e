"""What can go wrong in the accounts room.

``StoaError``
  - ``InvalidUserError``         (invalid) a value of a user, key or password that breaks its rules
  - ``SystemLoginError``         (invalid) the system user never logs in
  - ``WrongPasswordError``       (unauthenticated) no such user, or not this password: one sentence for both
  - ``InvalidTokenError``        (unauthenticated) a token that this server did not make, or made for another use
  - ``ExpiredError``             (unauthenticated) a token or key whose time is over
  - ``LoginEndedError``          (unauthenticated) the login was logged out, replaced or revoked
  - ``LockedOutError``           (forbidden) too many wrong passwords; ``retry_after`` seconds to wait
  - ``AccessRevokedError``       (forbidden) the right password of somebody whose access is revoked
  - ``NotAllowedError``          (forbidden) a user may not do this to that user
  - ``UserNotFoundError``, ``KeyNotFoundError``
  - ``UsernameTakenError``       (conflict)
  - ``AlreadyLoggedInError``     (conflict) the account has a login elsewhere
"""

from __future__ import annotations

from datetime import datetime, timedelta

from stoa.kernel.errors import (
    ConflictError,
    Fault,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    UnauthenticatedError,
)


class InvalidUserError(InvalidError):
    code = "accounts.invalid"


class SystemLoginError(InvalidError):
    code = "accounts.system_login"

    def __init__(self) -> None:
        fault = Fault("username", "is the system's own user, which can't log in.")
        super().__init__("The system user can't log in.", faults=(fault,))


class WrongPasswordError(UnauthenticatedError):
    code = "accounts.wrong_password"

    def __init__(self) -> None:
        super().__init__("The username or the password is wrong.")


class InvalidTokenError(UnauthenticatedError):
    code = "accounts.token_invalid"

    def __init__(self, message: str = "The token is not one that is valid here.") -> None:
        super().__init__(message)


class ExpiredError(UnauthenticatedError):
    code = "accounts.expired"


class LoginEndedError(UnauthenticatedError):
    code = "accounts.login_ended"

    def __init__(self, message: str = "This login has ended. Log in again.") -> None:
        super().__init__(message)


class LockedOutError(ForbiddenError):
    code = "accounts.locked_out"

    def __init__(self, *, until: datetime, now: datetime) -> None:
        self.retry_after = max(1, -((now - until) // timedelta(seconds=1)))
        super().__init__(
            f"Too many wrong passwords. Try again in {self.retry_after} seconds.",
            headers={"retry-after": str(self.retry_after)},
        )


class AccessRevokedError(ForbiddenError):
    code = "accounts.access_revoked"

    def __init__(self) -> None:
        super().__init__("Access was revoked for this account.")


class NotAllowedError(ForbiddenError):
    code = "accounts.not_allowed"


class UserNotFoundError(NotFoundError):
    code = "accounts.user_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such user.")


class KeyNotFoundError(NotFoundError):
    code = "accounts.key_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such API key.")


class UsernameTakenError(ConflictError):
    code = "accounts.username_taken"

    def __init__(self, username: str) -> None:
        super().__init__(f"The username {username} is taken.", faults=(Fault("username", "is taken."),))


class AlreadyLoggedInError(ConflictError):
    code = "accounts.already_logged_in"

    def __init__(self) -> None:
        super().__init__(
            "This account is already logged in elsewhere. Send the header forceful: true to end that login."
        )
