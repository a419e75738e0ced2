"""Where things are: the project's folders, and the folder of one run."""

from dataclasses import dataclass
from pathlib import Path

from local.errors import LocalError

PROJECT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Places:
    """The files of one run. Two runs at once need two `state` folders, and share the rest.

    Attributes:
        state: what this run writes.
        project: the checkout.
    """

    state: Path
    project: Path = PROJECT

    @classmethod
    def default(cls) -> "Places":
        """The places of `make run`."""
        return cls(PROJECT / ".local")

    @property
    def outputs(self) -> Path:
        """How to reach the running stack."""
        return self.state / "outputs.json"

    @property
    def env_file(self) -> Path:
        """The functions' variables, for `sam local`."""
        return self.state / "env.json"

    @property
    def lock(self) -> Path:
        """Held while a run serves."""
        return self.state / "lock"

    @property
    def emulator(self) -> Path:
        """What the emulated AWS keeps on the disk; made anew by every run."""
        return self.state / "ministack"

    @property
    def sam_home(self) -> Path:
        """What SAM CLI would keep in the home directory."""
        return self.state / "sam"

    @property
    def build(self) -> Path:
        """The build for this machine. All runs of a checkout share it."""
        return self.project / ".local" / "build"

    @property
    def container_build(self) -> Path:
        """The build for containers of this machine."""
        return self.state / "containers"

    def log(self, name: str) -> Path:
        """The log of one part of the run."""
        return self.state / f"{name}.log"

    def tool(self, environment: str, name: str) -> Path:
        """An executable of an environment under `.tools`.

        Raises:
            LocalError: it is not installed.
        """
        path = self.project / ".tools" / environment / "bin" / name
        if not path.exists():
            raise LocalError(f"{path.relative_to(self.project)} is not installed: run `make environments`")
        return path
