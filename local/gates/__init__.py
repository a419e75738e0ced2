"""Gates of `make lint` that read the template and the requirements: cfn-lint, checkov, rules of our own, pip-audit.

All but the rules are somebody else's programs, in an environment of their own (`.tools/gates`). What they find stands,
or is set aside in `suppressions.toml` with a reason; what is set aside there and not found any more fails too.
"""
