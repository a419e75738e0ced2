"""The template through cfn-lint, and translated, as CloudFormation gets it, through checkov."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any, Final

from samtranslator.translator.arn_generator import ArnGenerator  # type: ignore[import-untyped] # it ships no types
from samtranslator.translator.transform import transform  # type: ignore[import-untyped] # likewise
from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped] # likewise

from local.gates.findings import Finding
from local.gates.programs import GateFailed, ask
from local.places import Places

REGIONS: Final = ("cn-north-1", "us-east-1")
SERVERLESS_RULES: Final = "cfn_lint_serverless.rules"
# Its bits: fatal 1, error 2, warning 4, informational 8.
_FATAL: Final = 1
_REGION: Final = "AWS_DEFAULT_REGION"
_one_at_a_time: Final = Lock()
_RESOURCES: Final = "Resources"


class _Policies:
    """Names of AWS managed policies → ARNs. The stack uses none, so there is nothing to load."""

    def load(self) -> dict[str, str]:
        return {}


def translate(path: Path, region: str = REGIONS[0], parameters: Mapping[str, object] | None = None) -> dict[str, Any]:
    """The template without SAM: resources as CloudFormation makes them, intrinsic functions still in it.

    Args:
        path: of the template.
        region: where it is translated.
        parameters: values that SAM itself puts in, as it does where it looks into a parameter; else the defaults.
    """
    document = yaml_parse(path.read_text(encoding="utf-8"))
    for resource in document[_RESOURCES].values():
        # sam build and sam deploy replace the folders by objects in S3; the translator insists on them.
        for key in {"CodeUri", "ContentUri"} & set(resource.get("Properties", {})):
            resource["Properties"][key] = "s3://bucket/key"
    with _in_region(region):
        translated: dict[str, Any] = transform(document, {"AWS::Region": region, **(parameters or {})}, _Policies())
    return translated


@contextmanager
def _in_region(region: str) -> Iterator[None]:
    """The translator asks boto3 where it is, which not every machine knows, and remembers the answer."""
    with _one_at_a_time:  # both are the whole process's, and the gates run side by side
        before = os.environ.get(_REGION)
        os.environ[_REGION] = ArnGenerator.BOTO_SESSION_REGION_NAME = region
        try:
            yield
        finally:
            ArnGenerator.BOTO_SESSION_REGION_NAME = None
            del os.environ[_REGION]
            if before is not None:
                os.environ[_REGION] = before


def cfn_lint(places: Places, home: Path) -> list[Finding]:
    """What cfn-lint says of the template, with AWS's serverless rules, for both partitions.

    Raises:
        GateFailed: it read nothing.
    """
    answer = ask(
        [
            places.tool("gates", "cfn-lint"),
            *("--append-rules", SERVERLESS_RULES),
            *("--format", "json"),
            *("--regions", *REGIONS),
            *("--template", places.project / "template.yaml"),
        ],
        home=home,
    )
    found = answer.json("cfn-lint")
    if answer.status & _FATAL or bool(answer.status) is not bool(found):
        raise GateFailed(f"cfn-lint found {len(found)} things and ended with {answer.status}:\n{answer.errors}")
    return [_linted(one) for one in found]


def _linted(found: dict[str, Any]) -> Finding:
    where = found["Location"]
    inside = (where.get("Path") or ["-"])[:2]
    resource = str(inside[1]) if inside[0] == _RESOURCES and len(inside) > 1 else str(inside[0])
    message = f"{found['Message']} (template.yaml:{where['Start']['LineNumber']})"
    return Finding("cfn-lint", found["Rule"]["Id"], resource, message)


def checkov(places: Places, home: Path) -> list[Finding]:
    """What checkov says of the translated template. It asks nobody.

    Raises:
        GateFailed: it did not read every resource.
    """
    translated = translate(places.project / "template.yaml")
    path = home / "translated.json"
    path.write_text(json.dumps(translated, indent=1), encoding="utf-8")
    answer = ask(
        [
            *(places.tool("gates", "python"), "-m", "checkov.main"),
            *("--framework", "cloudformation", "--skip-download"),
            *("--output", "json", "--quiet", "--compact"),
            *("--file", path),
        ],
        home=home,
        more={"CKV_IGNORE_HIDDEN_DIRECTORIES": "false", "LOG_LEVEL": "ERROR"},
    )
    report = answer.json("checkov")
    summary = report.get("summary", {})
    read = summary.get("resource_count", 0)
    if summary.get("parsing_errors", 1) or read != len(translated[_RESOURCES]) or not summary.get("passed"):
        raise GateFailed(f"checkov read {read} of {len(translated[_RESOURCES])} resources:\n{answer.errors}")
    if summary["skipped"]:
        raise GateFailed("checkov skipped what the template's own metadata names: suppressions.toml is the place")
    failed = report["results"]["failed_checks"]
    if summary["failed"] != len(failed):
        raise GateFailed(f"checkov counts {summary['failed']} failed checks and lists {len(failed)}")
    return [Finding("checkov", one["check_id"], _logical_id(one["resource"]), one["check_name"]) for one in failed]


def _logical_id(resource: str) -> str:
    """`AWS::SQS::Queue.SendQueue` → SendQueue."""
    return resource.rpartition(".")[2]
