"""The ports of `bridge.ports` on AWS and on the gateway, one store or service a module."""
