"""The schemas of the models, as a reader of the document and a generator of clients want them."""

from collections.abc import Sequence
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

_REFERENCE: Final = "#/components/schemas/"

# What a model is called in the document, where its own name says too little without its module, or too much.
_NAMES: Final = {
    "FieldProblemResponse": "FieldProblem",
    "Layout": "SignatureLayout",
    "ProblemResponse": "Problem",
    "Source": "OptOutSource",
    "Status": "MessageStatus",
}

# An enum's docstring speaks to whoever reads the code.
_DESCRIPTIONS: Final = {
    "MessageStatus": "Moves forward only: `accepted` or `scheduled` (nothing was sent yet), `submitting`, then "
    "`submitted`, `rejected`, `cancelled` or `unknown` (the gateway did not say), then `delivered` or `undelivered`; "
    "`unknown_expired` after 72 hours without a final report, which a later one supersedes.",
    "AuthKind": "How a sender shows who it is.",
    "Category": "`transactional`: what its recipients asked for, so that an opt-out does not stop it; or `marketing`.",
    "OnAmbiguous": "Where the gateway did not say whether it took a submit: `unknown` leaves it at that, `resend` "
    "submits it again, so that it may arrive more than once.",
    "SignatureLayout": "What the header of an `hmac` has: `plain`, the signature; `stripe`, `t=…,v1=…`.",
    "OptOutSource": "`inbound`: the number answered a keyword. `api`: it was added by a request.",
    "EndpointStatus": "Whether events are delivered to the endpoint.",
    "DisabledReason": "`gone`: it answered 410. `failing`: for five days. `requested`: by its client.",
    "DeliveryStatus": "`pending`: to be tried, or tried again. `delivered`: answered 2xx. `failed`: given up.",
}


class Untitled(GenerateJsonSchema):
    """Makes no titles of field names: generators of clients would name classes after them."""

    def field_title_should_be_set(self, _: Any) -> bool:
        """Never."""
        return False


def schemas_of(requests: Sequence[type[BaseModel]], answers: Sequence[type[BaseModel]]) -> dict[str, Any]:
    """`components.schemas`: what goes in as it is checked, what comes out as it is written."""
    _, schema = models_json_schema(
        [(model, "validation") for model in requests] + [(model, "serialization") for model in answers],
        ref_template=f"{_REFERENCE}{{model}}",
        schema_generator=Untitled,
    )
    schemas = {_NAMES.get(name, name): tidy(part) for name, part in schema["$defs"].items()}
    for name, description in _DESCRIPTIONS.items():
        schemas[name]["description"] = description
    return dict(sorted(schemas.items()))


def tidy(schema: Any) -> Any:
    """A schema without titles, with the document's names, and with what an optional field says at the field itself."""
    if isinstance(schema, list):
        return [tidy(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    tidied = {name: _tidied(name, value) for name, value in schema.items() if name != "title"}
    if "$ref" in tidied:
        name = tidied["$ref"].rpartition("/")[2]
        tidied["$ref"] = tidied["$ref"].removesuffix(name) + _NAMES.get(name, name)
    # pydantic says of `X | None` what there is to say within X.
    for option in tidied.get("anyOf", []):
        for said in ("description", "examples"):
            if said in option:
                tidied.setdefault(said, option.pop(said))
    return tidied


def _tidied(keyword: str, value: Any) -> Any:
    if keyword == "properties":
        return {field: tidy(part) for field, part in value.items()}
    return value if keyword in {"default", "examples", "enum", "const"} else tidy(value)
