"""Says where the bridge of `make run` is, for a shell: `eval "$(python3 examples/local_env.py)"`."""

import json
import shlex
import sys
from pathlib import Path

OUTPUTS = Path(__file__).parent.parent / ".local" / "outputs.json"


def main() -> int:
    """Write the lines that a shell evaluates."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else OUTPUTS
    try:
        local = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        print(f"Nothing is running: {path} is not there. Start it with `make run`.", file=sys.stderr)
        return 1
    variables = {
        "BRIDGE_API_URL": local["api_url"],
        "BRIDGE_API_KEY": local["api_key"],
        "QUEUE_URL": local["delivery_queue_url"],
        "TOPIC_ARN": local["topic_arn"],
        "AWS_ENDPOINT_URL": local["aws_endpoint"],
        "AWS_ACCESS_KEY_ID": local["aws_access_key_id"],
        "AWS_SECRET_ACCESS_KEY": local["aws_secret_access_key"],
        "AWS_REGION": local["region"],  # what the SDK for JavaScript reads
        "AWS_DEFAULT_REGION": local["region"],  # what boto3 reads
    }
    # Those of a real account must not win over these.
    print("unset AWS_PROFILE AWS_DEFAULT_PROFILE AWS_SESSION_TOKEN")
    for name, value in variables.items():
        print(f"export {name}={shlex.quote(value)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
