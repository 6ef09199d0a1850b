"""Dues have no tables of their own: their pages ask for the permissions of membership."""

GROUP_PERMISSIONS: dict[str, tuple[str, ...]] = {}
