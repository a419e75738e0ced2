"""What the functions share: domain (pure), services over ports, adapters to AWS and the gateway, wiring.

Imports run one way: ``functions → wiring, api → services | adapters → ports → domain → eums``.
"""
