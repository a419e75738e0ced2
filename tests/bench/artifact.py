"""How large the layers are that `sam build` made for Lambda, as the zip that is uploaded."""

import sys
from typing import Final

from local.artifacts import LAMBDA_BUILD, ZIPPED_LIMIT, Build, size, zipped_size
from tests.bench.frame import finish

TOGETHER: Final = "MB of both layers, zipped, without boto3"


def main() -> int:
    layers = Build.read(LAMBDA_BUILD).layers
    compiled = all(next(layer.rglob("*.pyc"), None) for layer in layers)
    figures = {TOGETHER: sum(map(zipped_size, layers)) / 1e6}
    figures |= {f"MB of {layer.name}, zipped": zipped_size(layer) / 1e6 for layer in layers}
    figures |= {f"MB of {layer.name}, unpacked": size(layer) / 1e6 for layer in layers}
    skipped = {} if compiled else {"with byte code": "there is no python3.13 on this machine to compile it"}
    return finish(figures, {TOGETHER: ZIPPED_LIMIT / 1e6}, skipped=skipped)


if __name__ == "__main__":
    sys.exit(main())
