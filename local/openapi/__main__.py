"""Writes the OpenAPI document: `make openapi`."""

from local.openapi.document import PATH, rendered

if __name__ == "__main__":
    PATH.write_text(rendered(), encoding="utf-8")
