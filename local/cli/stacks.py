"""Which stack: the one that `make run` serves, one on AWS, or an address and a key alone."""

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from local.cli.failures import Failure, of_aws
from local.errors import LocalError
from local.outputs import Outputs
from local.places import Places

if TYPE_CHECKING:
    import boto3
    import httpx
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient

API_KEY: Final = "EUMS_BRIDGE_API_KEY"
API_URL: Final = "EUMS_BRIDGE_API_URL"
AUTH: Final = "EUMS_BRIDGE_AUTH"
STACK: Final = "EUMS_BRIDGE_STACK"
STATE: Final = "EUMS_BRIDGE_STATE"
"""The folder of a `make run` that has one of its own."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What the flags say; None where they say nothing."""

    stack: str | None = None
    profile: str | None = None
    region: str | None = None


class Services:
    """The clients of one AWS."""

    def __init__(self, session: "boto3.Session", endpoint: str | None = None) -> None:
        """Build it; a client is made when it is first asked for."""
        from botocore.config import Config

        self.session = session
        self._endpoint = endpoint
        self._config = Config(connect_timeout=5, read_timeout=70, retries={"max_attempts": 3, "mode": "standard"})

    @cached_property
    def cloudformation(self) -> "CloudFormationClient":
        """Stacks."""
        return self.session.client("cloudformation", endpoint_url=self._endpoint, config=self._config)

    @cached_property
    def dynamodb(self) -> "DynamoDBClient":
        """Tables."""
        return self.session.client("dynamodb", endpoint_url=self._endpoint, config=self._config)

    @cached_property
    def s3(self) -> "S3Client":
        """Buckets."""
        return self.session.client("s3", endpoint_url=self._endpoint, config=self._config)

    @cached_property
    def secrets(self) -> "SecretsManagerClient":
        """Secrets."""
        return self.session.client("secretsmanager", endpoint_url=self._endpoint, config=self._config)

    @cached_property
    def sns(self) -> "SNSClient":
        """Topics."""
        return self.session.client("sns", endpoint_url=self._endpoint, config=self._config)

    @cached_property
    def sqs(self) -> "SQSClient":
        """Queues."""
        return self.session.client("sqs", endpoint_url=self._endpoint, config=self._config)


class Stack(ABC):
    """A stack that a command works on."""

    local = False
    environ: Mapping[str, str]

    @property
    @abstractmethod
    def services(self) -> Services:
        """Its AWS. Raises Failure where there is none."""

    @property
    @abstractmethod
    def api_url(self) -> str:
        """With the stage, without a slash at the end."""

    @property
    @abstractmethod
    def api_key(self) -> str:
        """The key that calls are made with."""

    @property
    def signs(self) -> bool:
        """Whether calls are signed for IAM, instead of carrying a key."""
        return _signs(self.environ) is True

    def signer(self) -> "httpx.Auth":
        """Signs calls with the credentials at hand.

        Raises:
            Failure: there are none, or nobody says in which region the API is.
        """
        from local.cli.signing import signer

        return signer(self.boto_session(), self.api_url)

    def boto_session(self) -> "boto3.Session":
        """The credentials at hand."""
        return self.services.session

    @property
    @abstractmethod
    def name(self) -> str:
        """The stack's name."""

    @property
    def region(self) -> str | None:
        """Where it is."""
        return None

    @cached_property
    def outputs(self) -> dict[str, str]:
        """What the stack says of itself.

        Raises:
            Failure: there is no such stack.
        """
        from botocore.exceptions import ClientError

        try:
            stacks = self.services.cloudformation.describe_stacks(StackName=self.name)["Stacks"]
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") == "ValidationError":
                raise Failure(
                    f"There is no stack {self.name} in {self.region}.",
                    "Check --stack, --region and --profile.",
                    title="No such stack",
                ) from error
            raise
        return {output["OutputKey"]: output["OutputValue"] for output in stacks[0].get("Outputs", [])}

    def output(self, name: str) -> str:
        """One output.

        Raises:
            Failure: the stack has none of that name.
        """
        try:
            return self.outputs[name]
        except KeyError:
            raise Failure(
                f"The stack {self.name} has no output {name}.", "Is it eums-bridge?", title="Another stack"
            ) from None


@dataclass
class LocalStack(Stack):
    """The stack that `make run` serves."""

    running: Outputs
    environ: Mapping[str, str] = field(repr=False)
    local = True

    @cached_property
    def services(self) -> Services:
        """The emulated AWS, and no real one, whatever the environment says."""
        import boto3

        from local.aws import forget

        forget(os.environ)
        session = boto3.Session(
            aws_access_key_id=self.running.aws_access_key_id,
            aws_secret_access_key=self.running.aws_secret_access_key,
            region_name=self.running.region,
        )
        return Services(session, self.running.aws_endpoint)

    @property
    def api_url(self) -> str:
        """See `Stack`."""
        return self.running.api_url

    @property
    def api_key(self) -> str:
        """That of the client `local`, if the environment names no other."""
        return _key(self.environ) if self.environ.get(API_KEY) else self.running.api_key

    @property
    def name(self) -> str:
        """See `Stack`."""
        return self.running.stack_name

    @property
    def region(self) -> str:
        """See `Stack`."""
        return self.running.region


@dataclass
class AwsStack(Stack):
    """A stack on AWS, with the operator's own credentials."""

    wanted: Wanted
    environ: Mapping[str, str] = field(repr=False)

    @cached_property
    def services(self) -> Services:
        """See `Stack`."""
        return Services(_session(self.wanted, self.environ))

    @property
    def api_url(self) -> str:
        """What the environment names, else the stack's output."""
        return (self.environ.get(API_URL) or self.output("ApiUrl")).rstrip("/")

    @property
    def api_key(self) -> str:
        """See `Stack`."""
        return _key(self.environ)

    @property
    def signs(self) -> bool:
        """What the environment says, else the stack; who names the API's address may not be able to ask that."""
        said = _signs(self.environ)
        if said is None and not self.environ.get(API_URL):
            return self.outputs.get("ApiAuthorization") == "AWS_IAM"
        return said is True

    @property
    def name(self) -> str:
        """See `Stack`."""
        return self.wanted.stack or ""

    @property
    def region(self) -> str | None:
        """What the flags, the environment or the profile say."""
        return self.services.session.region_name


@dataclass
class ApiAlone(Stack):
    """An address and a key: enough for whatever the API does."""

    environ: Mapping[str, str] = field(repr=False)

    @property
    def services(self) -> Services:
        """None: Failure is raised."""
        raise Failure(
            f"This needs the stack itself, and {API_URL} names its API alone.",
            f"Give --stack, or set {STACK}.",
            title="No stack",
            exit_code=2,
        )

    @property
    def api_url(self) -> str:
        """See `Stack`."""
        return self.environ[API_URL].rstrip("/")

    @property
    def api_key(self) -> str:
        """See `Stack`."""
        return _key(self.environ)

    def boto_session(self) -> "boto3.Session":
        """Those that the environment names."""
        return _session(Wanted(), self.environ)

    @property
    def name(self) -> str:
        """The address stands for it."""
        return self.api_url


def choose(wanted: Wanted, environ: Mapping[str, str]) -> Stack:
    """Find the stack that the flags and the environment mean.

    Raises:
        Failure: nothing is named and nothing is running here.
    """
    name = wanted.stack or environ.get(STACK)
    if name:
        return AwsStack(Wanted(stack=name, profile=wanted.profile, region=wanted.region), environ)
    if wanted.profile or wanted.region:
        raise Failure(
            "--profile and --region are for a stack on AWS.",
            f"Say which: --stack NAME, or {STACK}.",
            title="No stack named",
            exit_code=2,
        )
    if environ.get(API_URL):
        return ApiAlone(environ)
    places = Places(Path(environ[STATE])) if environ.get(STATE) else Places.default()
    try:
        return LocalStack(Outputs.read(places.outputs), environ)
    except (LocalError, KeyError, ValueError, TypeError, OSError) as error:
        raise Failure(
            f"Nothing is running here: {places.outputs} is not there."
            if isinstance(error, LocalError)
            else f"{places.outputs} cannot be read.",
            f"Start the local stack with `make run`, or name one on AWS with --stack NAME (or {STACK}).",
            title="Nothing running",
        ) from error


def _session(wanted: Wanted, environ: Mapping[str, str]) -> "boto3.Session":
    import boto3
    from botocore.exceptions import BotoCoreError

    # boto3 itself reads AWS_DEFAULT_REGION only, while everybody else's tools read AWS_REGION too.
    named = wanted.region or environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION")
    try:
        return boto3.Session(profile_name=wanted.profile, region_name=named)
    except BotoCoreError as error:
        raise of_aws(error, region=named, local=False) from error


def _signs(environ: Mapping[str, str]) -> bool | None:
    said = environ.get(AUTH, "").strip().lower()
    if said not in {"", "iam", "key"}:
        raise Failure(f"{AUTH} is {said!r}.", "It is iam or key.", title="How to call", exit_code=2)
    return {"iam": True, "key": False}.get(said)


def _key(environ: Mapping[str, str]) -> str:
    key = environ.get(API_KEY, "").strip()
    if not (key.isascii() and key.isprintable()):
        raise Failure(f"What is in {API_KEY} is no key.", title="No key", exit_code=2)
    if not key:
        raise Failure(
            f"{API_KEY} is not set.",
            "It holds the key that calls are made with; `eums-bridge keys create` makes one. "
            f"Where IAM says who calls, set {AUTH}=iam instead.",
            title="No key",
            exit_code=2,
        )
    return key
