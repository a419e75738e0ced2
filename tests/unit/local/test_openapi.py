from openapi_spec_validator import validate

from local.openapi import PATH, document, rendered


def test_the_document_is_valid_openapi() -> None:
    validate(document())


def test_the_file_is_what_the_models_say() -> None:
    assert PATH.read_text(encoding="utf-8") == rendered(), "the models changed: run `make openapi` and commit the file"
