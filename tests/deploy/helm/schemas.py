"""Kubernetes' own schemas, strict: an unknown field is a mistake, as for an API server that is asked to be so."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

VERSIONS = ("1.31.0", "1.34.0", "1.37.0")
"""Of Kubernetes: an old one that people still have, one between, and the newest."""


def mistakes(thing: dict[str, Any], version: str) -> list[str]:
    """What a version of Kubernetes finds wrong."""
    group, _, level = thing["apiVersion"].rpartition("/")
    parts = [thing["kind"].lower(), *([group.split(".")[0]] if group else []), level]
    name = f"{'-'.join(parts)}.json"
    return _said(_validator(name, version), thing)


def of_definition(definition: dict[str, Any]) -> Draft202012Validator:
    """What a CustomResourceDefinition says of its newest version; unknown fields are mistakes here too."""
    (served,) = [one for one in definition["spec"]["versions"] if one["storage"]]
    return Draft202012Validator(_closed(served["schema"]["openAPIV3Schema"]))


def said_by(validator: Draft202012Validator, thing: dict[str, Any]) -> list[str]:
    """What it finds wrong with an object."""
    return _said(validator, thing)


@cache
def _validator(name: str, version: str) -> Draft202012Validator:
    return Draft202012Validator(_read(name, version), registry=_registry(version))


@cache
def _registry(version: str) -> Registry[Any]:
    definitions = DRAFT202012.create_resource(_read("_definitions.json", version))
    registry: Registry[Any] = Registry().with_resource("_definitions.json", definitions)
    return registry.crawl()  # once, not at each look-up


def _read(name: str, version: str) -> Any:
    folder = files("kubernetes_validate") / "kubernetes-json-schema" / f"v{version}-local-strict"
    return json.loads((folder / name).read_text("utf-8"))


def _said(validator: Draft202012Validator, thing: dict[str, Any]) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(thing)]


def _closed(schema: Any) -> Any:
    """The schema with every mapping of named fields closed, but for what Kubernetes adds itself."""
    if isinstance(schema, list):
        return [_closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    shut = {name: _closed(one) for name, one in schema.items()}
    if "properties" in schema and not schema.get("x-kubernetes-preserve-unknown-fields"):
        shut.setdefault("additionalProperties", False)
    return shut
