"""What the operations are made of: who may call them, parameters, bodies, answers."""

from typing import Any, Final

from pydantic import BaseModel

from bridge.domain.clients import Scope
from local.openapi.schemas import Untitled, tidy

IDEMPOTENCY_KEY: Final[dict[str, Any]] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Makes the request safe to repeat for 24 hours: a repeat with the same content sends nothing and "
    "gets the first answer again, with `Idempotent-Replayed: true`. 1 to 255 visible ASCII characters.",
    "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
    "examples": {"of_an_order": {"summary": "One of the application's own", "value": "order-42"}},
}

PREFER: Final[dict[str, Any]] = {
    "name": "Prefer",
    "in": "header",
    "required": False,
    "description": "`respond-async` queues the message and does not wait for the gateway (RFC 7240).",
    "schema": {"type": "string"},
    "examples": {"queue": {"summary": "Queue it", "value": "respond-async"}},
}

HEADERS: Final[dict[str, Any]] = {
    "Location": {
        "description": "Where it is, relative to the API's own address.",
        "schema": {"type": "string", "examples": ["messages/01JDCKQ3V9T4M3W5Y8Z7N6P2QR"]},
    },
    "IdempotentReplayed": {
        "description": "`true` where this is the answer to an earlier request with the same `Idempotency-Key`; else "
        "absent.",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "PreferenceApplied": {
        "description": "`respond-async` where the message was queued because the request prefers it; else absent.",
        "schema": {"type": "string", "enum": ["respond-async"]},
    },
    "RetryAfter": {
        "description": "Seconds to wait before asking again.",
        "schema": {"type": "integer", "minimum": 0, "examples": [30]},
    },
    "WwwAuthenticate": {
        "description": "How to say who calls: by a bearer key.",
        "schema": {"type": "string", "enum": ["Bearer"]},
    },
}
"""`components.headers`."""


def headers(**components: str) -> dict[str, Any]:
    """Headers of an answer, each by its component's name: `Location="Location"`; `_` in a name is a hyphen."""
    return {
        name.replace("_", "-"): {"$ref": f"#/components/headers/{component}"} for name, component in components.items()
    }


REPEATABLE: Final = headers(Location="Location", Idempotent_Replayed="IdempotentReplayed")


def keyed(*scopes: Scope) -> list[dict[str, list[str]]]:
    """Who may call: a key with any one of the scopes, or where the stack goes by IAM, whoever signs for such a client.

    OpenAPI 3.1 takes roles of a bearer scheme, too.
    """
    signed: list[dict[str, list[str]]] = [{"sigv4": []}] if scopes else []
    return [{"key": [scope.value]} for scope in scopes] + signed


def described(description: str, *scopes: Scope) -> str:
    """A description that ends with the scopes of which the key needs one."""
    return f"{description}\n\nThe key needs the scope {' or '.join(f'`{scope.value}`' for scope in scopes)}."


def operation(name: str, tag: str, summary: str, description: str, *scopes: Scope) -> dict[str, Any]:
    """The beginning of an operation that takes a key with one of the scopes; without any it takes no key."""
    return {
        "operationId": name,
        "tags": [tag],
        "summary": summary,
        "description": described(description, *scopes) if scopes else description,
        "security": keyed(*scopes),
    }


def reference(name: str) -> dict[str, str]:
    """A model's schema, by its name."""
    return {"$ref": f"#/components/schemas/{name}"}


def example(summary: str, value: object) -> dict[str, Any]:
    """An example object."""
    return {"summary": summary, "value": value}


def json_body(schema: str, **examples: dict[str, Any]) -> dict[str, Any]:
    """The body of a request, in JSON, with its examples by name."""
    return {
        "required": True,
        "content": {"application/json": {"schema": reference(schema), "examples": examples}},
    }


def json_answer(description: str, schema: str, **examples: dict[str, Any]) -> dict[str, Any]:
    """An answer in JSON, with its examples by name."""
    return {
        "description": description,
        "content": {"application/json": {"schema": reference(schema), "examples": examples}},
    }


def path_parameter(name: str, description: str, schema: dict[str, Any], value: str) -> dict[str, Any]:
    """A parameter in the path."""
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": description,
        "schema": schema,
        "examples": {"one": {"summary": f"For instance {value}", "value": value}},
    }


def query_parameters(query: type[BaseModel]) -> list[dict[str, Any]]:
    """The query parameters that a model has as fields. Each has a description and examples, or the model lacks them."""
    schema = tidy(query.model_json_schema(schema_generator=Untitled))
    parameters = []
    for name, field in schema["properties"].items():
        # An absent parameter is absent; a query has no null.
        kept = next((option for option in field.get("anyOf", []) if option.get("type") != "null"), None) or {
            key: value for key, value in field.items() if key not in {"description", "examples", "default"}
        }
        parameters.append(
            {
                "name": name,
                "in": "query",
                "required": name in schema.get("required", []),
                "description": field["description"],
                "schema": kept,
                "examples": {
                    f"example_{number}": {"summary": f"For instance {value}", "value": value}
                    for number, value in enumerate(field["examples"], 1)
                },
            }
        )
    return parameters
