"""`eums-bridge`: the bridge from a terminal. One file a group of commands; `app` puts them together.

Without a flag it talks to the stack that `make run` serves, with `--stack` to one on AWS. Whatever is slow to import
(boto3, httpx, rich's tables, the protocol) is imported where it is used, so that `--help` is quick.
"""
