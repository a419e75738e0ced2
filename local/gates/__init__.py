"""Gates of `make lint` that read the template and the requirements: cfn-lint, checkov, pip-audit.

Each is somebody else's program in an environment of its own (`.tools/gates`). What they find stands, or is set aside in
`suppressions.toml` with a reason; what is set aside there and is not found any more fails like a finding.
"""
