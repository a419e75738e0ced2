"""The HTTP edge: requests in, messages and problems out, and the document that describes them."""
