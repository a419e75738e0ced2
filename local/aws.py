"""The emulated AWS as seen from outside: its address, made-up credentials, clients. No real account is in reach."""

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

import boto3
from botocore.config import Config

from local.ports import LOOPBACK

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_scheduler import EventBridgeSchedulerClient
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient

REGION: Final = "us-east-1"
ACCESS_KEY_ID: Final = "local"
SECRET_ACCESS_KEY: Final = "local"  # noqa: S105 - the emulator takes any
_NOT_PROXIED = "127.0.0.1,localhost"
_CONFIG = Config(connect_timeout=5, read_timeout=70, retries={"max_attempts": 2, "mode": "standard"})


def forget(environ: MutableMapping[str, str]) -> None:
    """Remove every AWS setting from an environment: profiles, regions, keys; loopback is reached without a proxy."""
    for name in [name for name in environ if name.startswith("AWS_") and name != "AWS_PORT"]:  # which is ours
        del environ[name]
    environ["AWS_CONFIG_FILE"] = environ["AWS_SHARED_CREDENTIALS_FILE"] = "/dev/null"
    environ["AWS_EC2_METADATA_DISABLED"] = "true"
    for name in ("NO_PROXY", "no_proxy"):
        environ[name] = ",".join(filter(None, [environ.get(name), _NOT_PROXIED]))


@dataclass(frozen=True)
class Aws:
    """The emulated AWS on a port of this machine."""

    port: int

    @property
    def endpoint(self) -> str:
        """Where every service is."""
        return f"http://{LOOPBACK}:{self.port}"

    def environment(self, base: Mapping[str, str]) -> dict[str, str]:
        """An environment for a command that must find this AWS and no other."""
        environ = dict(base)
        forget(environ)
        return environ | {
            "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL": self.endpoint,
        }

    def api_url(self, api_id: str, stage: str) -> str:
        """The API's address as a path, since not every system resolves names below `localhost`."""
        return f"{self.endpoint}/_aws/execute-api/{api_id}/{stage}"

    @cached_property
    def session(self) -> boto3.Session:
        """A session with the made-up credentials."""
        return boto3.Session(
            aws_access_key_id=ACCESS_KEY_ID, aws_secret_access_key=SECRET_ACCESS_KEY, region_name=REGION
        )

    @cached_property
    def cloudformation(self) -> "CloudFormationClient":
        """Stacks."""
        return self.session.client("cloudformation", endpoint_url=self.endpoint, config=_CONFIG)

    @cached_property
    def dynamodb(self) -> "DynamoDBClient":
        """Tables."""
        return self.session.client("dynamodb", endpoint_url=self.endpoint, config=_CONFIG)

    @cached_property
    def functions(self) -> "LambdaClient":
        """Lambda functions."""
        return self.session.client("lambda", endpoint_url=self.endpoint, config=_CONFIG)

    @cached_property
    def s3(self) -> "S3Client":
        """Buckets."""
        return self.session.client("s3", endpoint_url=self.endpoint, config=_CONFIG)

    @cached_property
    def scheduler(self) -> "EventBridgeSchedulerClient":
        """Schedules."""
        return self.session.client("scheduler", endpoint_url=self.endpoint, config=_CONFIG)

    @cached_property
    def secrets(self) -> "SecretsManagerClient":
        """Secrets."""
        return self.session.client("secretsmanager", endpoint_url=self.endpoint, config=_CONFIG)

    @cached_property
    def sns(self) -> "SNSClient":
        """Topics."""
        return self.session.client("sns", endpoint_url=self.endpoint, config=_CONFIG)

    @cached_property
    def sqs(self) -> "SQSClient":
        """Queues."""
        return self.session.client("sqs", endpoint_url=self.endpoint, config=_CONFIG)
