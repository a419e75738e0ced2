"""One secret of Secrets Manager with its versions and their labels, as the API's reference describes them.

moto's forgets which version is current where a label is moved.
"""

from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

CURRENT, PREVIOUS = "AWSCURRENT", "AWSPREVIOUS"


@dataclass
class FakeSecrets:
    """The calls that the command line makes; `interfere` is called so many times before a version is put."""

    class exceptions:  # noqa: N801 - boto3's
        """Of them, the one that is looked at."""

        class ResourceNotFoundException(ClientError): ...

    content: str = "{}"
    interfering: int = 0
    versions: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.set(self.content)

    def set(self, content: str) -> None:
        """Somebody stores this."""
        self.put_secret_value(SecretString=content, ClientRequestToken=f"v{len(self.versions)}")

    @property
    def current(self) -> str:
        return self.versions[self.labels[CURRENT]]

    def get_secret_value(self, *, VersionStage: str = CURRENT, **_: Any) -> dict[str, str]:  # noqa: N803 - boto3's
        if VersionStage not in self.labels:
            said = {"Error": {"Code": "ResourceNotFoundException", "Message": "no such label"}}
            raise self.exceptions.ResourceNotFoundException(said, "GetSecretValue")  # type: ignore[arg-type]  # likewise
        version = self.labels[VersionStage]
        return {"SecretString": self.versions[version], "VersionId": version}

    def put_secret_value(
        self,
        *,
        SecretString: str,  # noqa: N803 - boto3's
        ClientRequestToken: str,  # noqa: N803
        VersionStages: tuple[str, ...] | list[str] = (CURRENT,),  # noqa: N803
        **_: Any,
    ) -> None:
        if VersionStages != (CURRENT,) and self.interfering:
            self.interfering -= 1
            self.interfere()
        self.versions[ClientRequestToken] = SecretString
        for label in VersionStages:
            self._move(label, ClientRequestToken)

    def interfere(self) -> None:
        """Somebody else is faster."""

    def update_secret_version_stage(
        self,
        *,
        VersionStage: str,  # noqa: N803
        RemoveFromVersionId: str,  # noqa: N803
        MoveToVersionId: str | None = None,  # noqa: N803
        **_: Any,
    ) -> None:
        if self.labels.get(VersionStage) != RemoveFromVersionId:
            said = {"Error": {"Code": "InvalidParameterException", "Message": "attached to another version"}}
            raise ClientError(said, "UpdateSecretVersionStage")  # type: ignore[arg-type]  # as much as is looked at
        if MoveToVersionId is None:
            del self.labels[VersionStage]
        else:
            self._move(VersionStage, MoveToVersionId)

    def _move(self, label: str, version: str) -> None:
        if label == CURRENT and CURRENT in self.labels:
            self.labels[PREVIOUS] = self.labels[CURRENT]
        self.labels[label] = version
