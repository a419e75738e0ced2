"""What went wrong, as a sentence for a person, a document for a script, and an exit code."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from local.errors import LocalError

DONE: Final = 0
FAILED: Final = 1
USAGE: Final = 2
UNKNOWN: Final = 3
INTERRUPTED: Final = 130


class Failure(LocalError):
    """A command that did not do what it was asked for.

    Attributes:
        sentence: what happened.
        advice: what to do about it, or "".
        exit_code: FAILED, USAGE or UNKNOWN.
        document: what `--json` shows of it; a problem as in RFC 9457.
    """

    def __init__(
        self,
        sentence: str,
        advice: str = "",
        *,
        title: str = "Failed",
        exit_code: int = FAILED,
        members: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.advice = advice
        self.exit_code = exit_code
        self.document: dict[str, object] = {
            "title": title,
            "detail": f"{sentence} {advice}".strip(),
            **(members or {}),
        }


class Refusal(Failure):
    """The API answered with a problem (RFC 9457), or with something that is none.

    Attributes:
        status: of the answer.
        problem: its members.
        retry_after: seconds, where the answer says so.
    """

    def __init__(self, status: int, problem: Mapping[str, Any], retry_after: float | None = None) -> None:
        super().__init__(str(problem.get("detail") or problem.get("title") or f"HTTP {status}"))
        self.status = status
        self.problem = problem
        self.retry_after = retry_after
        self.document = {"status": status, **problem}

    @property
    def kind(self) -> str:
        """The last part of the problem's `type`: `invalid-request`."""
        return str(self.problem.get("type", "")).rpartition(":")[2]

    @property
    def gateway_code(self) -> int | None:
        """The gateway's own code, where it spoke."""
        code = self.problem.get("gateway_code")
        return code if isinstance(code, int) else None

    def lines(self) -> Iterator[str]:
        """What a person reads below the title and the detail."""
        for error in self.problem.get("errors") or ():
            code = f" (gateway code {error['gateway_code']})" if error.get("gateway_code") else ""
            yield f"{error.get('field', '?')}: {error.get('message', '')}{code}"
        if self.gateway_code is not None:
            yield f"gateway code {self.gateway_code}: {meaning(self.gateway_code)}"
        if self.problem.get("message_id"):
            yield f"on record as {self.problem['message_id']}"
        if self.retry_after:
            yield f"worth another try in {self.retry_after:g} s"
        if self.problem.get("request_id"):
            yield f"request {self.problem['request_id']}"


def meaning(code: int) -> str:
    """The gateway's code in words, both of the specification's and ours."""
    from eums.codes import code_of

    known = code_of(code)
    return f"{known.english} ({known.chinese})" if known.chinese else known.english


_EXPIRED: Final = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
_UNKNOWN_KEY: Final = frozenset(
    {"InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId", "SignatureDoesNotMatch"}
)
_DENIED: Final = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError"})


def of_aws(error: Exception, *, region: str | None, local: bool) -> Failure:
    """What botocore raised, in plain words."""
    from botocore import exceptions as boto

    if isinstance(error, boto.ClientError):
        return _of_client_error(error, region)
    if isinstance(error, boto.EndpointConnectionError | boto.ConnectionError | boto.HTTPClientError):
        if local:
            return Failure(
                "The emulated AWS does not answer.", "Has `make run` ended? Start it again.", title="Nothing there"
            )
        return Failure(
            f"AWS cannot be reached: {error}",
            "Check the region, the network, and AWS_ENDPOINT_URL.",
            title="AWS unreachable",
        )
    for kinds, sentence, advice in (
        (
            (boto.NoRegionError,),
            "No region is set.",
            "Give --region, or set AWS_REGION; AWS China is cn-north-1 or cn-northwest-1.",
        ),
        (
            (boto.NoCredentialsError, boto.PartialCredentialsError),
            "There are no AWS credentials.",
            "Give --profile, or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
        ),
        ((boto.ProfileNotFound,), f"{error}.", "`aws configure list-profiles` shows those there are."),
        (
            (boto.TokenRetrievalError, boto.SSOTokenLoadError, boto.UnauthorizedSSOTokenError),
            "The sign-in has expired.",
            "Sign in again: aws sso login.",
        ),
    ):
        if isinstance(error, kinds):
            return Failure(sentence, advice, title="AWS settings")
    return Failure(f"AWS: {error}", title="AWS")


def _of_client_error(error: Any, region: str | None) -> Failure:
    code = str(error.response.get("Error", {}).get("Code", ""))
    members = {"aws_code": code, "aws_operation": error.operation_name}
    if code in _EXPIRED:
        return Failure("The AWS credentials have expired.", "Sign in again.", title="AWS credentials", members=members)
    if code in _UNKNOWN_KEY:
        return Failure(
            f"The region {region} does not know these AWS credentials.",
            "AWS China (cn-…) and the rest of AWS have separate accounts and keys: check --profile and --region.",
            title="AWS credentials",
            members=members,
        )
    if code in _DENIED:
        return Failure(
            f"These AWS credentials may not {error.operation_name}.",
            "docs/cli.md lists what each command needs.",
            title="AWS permissions",
            members=members,
        )
    said = error.response.get("Error", {}).get("Message", "")
    return Failure(f"AWS refused {error.operation_name}: {code}: {said}", title="AWS", members=members)
