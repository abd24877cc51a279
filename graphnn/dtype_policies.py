"""Which dtype a layer computes in and which its weights have."""

from __future__ import annotations

from typing import Any

from graphnn_compiler.dtypes import check

from .tree import is_dict


class DTypePolicy:
    """One dtype for the arithmetic and the weights of a layer.

    Args:
        name: a float dtype, such as "float32" or "float64", or an integer dtype.

    Raises:
        ValueError: for a name that is no dtype.

    >>> import graphnn
    >>> graphnn.DTypePolicy("float64").compute_dtype
    'float64'
    """

    def __init__(self, name: str | None = None, source_name: str | None = None):
        if name is None:
            from .config import dtype_policy

            name = dtype_policy().name
        if not isinstance(name, str):  # type: ignore[redundant-expr]
            raise TypeError(f"'name' must be a string, such as 'float32'. Received: name={name!r} (of type {type(name)})")
        if name.startswith("mixed_"):
            raise ValueError(f"the dtype policy {name!r} is not supported; use 'float32' or 'float64'")
        self.name = check(name)

    @property
    def compute_dtype(self) -> str:
        """The dtype that inputs are cast to and results have."""
        return self.name

    @property
    def variable_dtype(self) -> str:
        """The dtype of weights."""
        return self.name

    def get_config(self) -> dict[str, Any]:
        """The name, as a dictionary."""
        return {"name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> DTypePolicy:
        """A policy from `get_config()`."""
        return cls(**config)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DTypePolicy) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f'<DTypePolicy "{self.name}">'


def get(identifier: Any) -> DTypePolicy:
    """A policy from None (the default), a policy, a name, a dtype or a configuration.

    >>> import graphnn
    >>> graphnn.dtype_policies.get("float64")
    <DTypePolicy "float64">
    """
    if identifier is None:
        from .config import dtype_policy

        return dtype_policy()
    if isinstance(identifier, DTypePolicy):
        return identifier
    if is_dict(identifier):
        return DTypePolicy(identifier["config"]["name"])
    return DTypePolicy(identifier if isinstance(identifier, str) else check(identifier))


def serialize(dtype_policy: DTypePolicy) -> dict[str, Any]:
    """The configuration of a policy as files hold it."""
    return {"module": "keras", "class_name": "DTypePolicy", "config": dtype_policy.get_config(), "registered_name": None}


def deserialize(config: dict[str, Any], custom_objects: Any = None) -> DTypePolicy:
    """A policy from `serialize`."""
    return get(config)
