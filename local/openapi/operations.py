"""What the operations are made of: parameters, answers, problems."""

from typing import Any, Final

from pydantic import BaseModel

# What API Gateway answers by itself, before a function runs. It speaks problem+json too (see the gateway responses in
# template.yaml), except on an emulator that does not apply those.
EDGE: Final = {
    "401": "No key: send `Authorization: Bearer <key>`.",
    "403": "The key is not known, or does not cover this.",
    "429": "Too many requests; `Retry-After` says when to ask again.",
    "500": "Something is wrong with the bridge itself.",
}

_OF_THE_EDGE: Final = frozenset({"401", "403", "429"})

_EMULATED: Final = "API Gateway's own form: of an emulated one, which does not apply the stack's gateway responses."

GATEWAY: Final = {
    "402": "The account has no balance left (gateway code 205).",
    "502": "Bridge and gateway disagree (credentials, clock, protocol), or the gateway's answer is unreadable.",
    "503": "The gateway is not reachable or not in service; nothing was sent. `Retry-After` says when to try again.",
    "504": "The bridge did not answer in time.",
}

OPERATOR: Final = {"502": "The account is not configured: the bridge's operator must look at it."}

REFUSED_422: Final = {"422": "The request cannot be carried out; `errors` names every problem."}

CONFLICT: Final = {
    "409": "The first request with this `Idempotency-Key` is still in flight; `Retry-After` says when to ask."
}

IDEMPOTENCY_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Makes the request safe to repeat for 24 hours: a repeat with the same content sends nothing and "
    "gets the first answer again, with `Idempotent-Replayed: true`.",
    "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
}

SENT: Final = {
    "Location": {"description": "Where the message is.", "schema": {"type": "string"}},
    "Idempotent-Replayed": {
        "description": "`true` where this is the answer to an earlier request with the same key.",
        "schema": {"type": "string", "enum": ["true"]},
    },
}

_RETRY_AFTER: Final = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}


def reference(name: str) -> dict[str, str]:
    """A model's schema, by its name."""
    return {"$ref": f"#/components/schemas/{name}"}


def json_answer(description: str, schema: str, example: object = None) -> dict[str, Any]:
    """An answer in JSON."""
    content: dict[str, Any] = {"schema": reference(schema)}
    if example is not None:
        content["example"] = example
    return {"description": description, "content": {"application/json": content}}


def problems(*tables: dict[str, str]) -> dict[str, Any]:
    """The answers that are problems, by status: a later table goes before an earlier one."""
    descriptions = {code: text for table in tables for code, text in table.items()}
    return {code: _problem(code, descriptions[code]) for code in sorted(descriptions)}


def _problem(code: str, description: str) -> dict[str, Any]:
    problem: dict[str, Any] = {
        "description": description,
        "content": {"application/problem+json": {"schema": reference("ProblemResponse")}},
    }
    if code in _OF_THE_EDGE:
        problem["content"]["application/json"] = {"schema": {"type": "object", "description": _EMULATED}}
    if code in {"409", "429", "503"}:
        problem["headers"] = _RETRY_AFTER
    return problem


def query_parameters(query: type[BaseModel]) -> list[dict[str, Any]]:
    """The query parameters that a model has as fields."""
    schema = query.model_json_schema()
    parameters = []
    for name, field in schema["properties"].items():
        description = field.pop("description", "")
        field.pop("title", None)
        field.pop("default", None)
        # An absent parameter is absent; a query has no null.
        kept = next((option for option in field.get("anyOf", []) if option.get("type") != "null"), field)
        parameters.append(
            {
                "name": name,
                "in": "query",
                "required": name in schema.get("required", []),
                "description": description or kept.pop("description", ""),
                "schema": kept,
            }
        )
    return parameters
