"""The OpenAPI document of the API, made from its models; `make openapi` writes it anew.

The document is kept in the repository and served as a file, so that no function builds it at a cold start; a test
holds it against the models.
"""

from local.openapi.document import PATH, document, rendered

__all__ = ["PATH", "document", "rendered"]
