# How a layer is built, for `sam build` (BuildMethod: makefile). A layer's own Makefile names its PACKAGE and includes this.
#
# The wheels are chosen for Lambda whatever the host is: python3.13 on arm64. A build for this machine, for the emulated
# Lambdas, takes the host's instead:  LAYER_PYTHON=3.11 LAYER_PLATFORM= sam build
LAYER_PYTHON ?= 3.13
LAYER_PLATFORM ?= aarch64-manylinux2014

SITE := $(ARTIFACTS_DIR)/python
UV := $(shell command -v uv)

# An interpreter of the layer's version, if there is one that runs (a pyenv shim exists for versions that do not).
# Byte code depends on that version alone, not on the platform.
COMPILER := $(shell for p in "python$(LAYER_PYTHON)" "$$(uv python find --no-project --no-python-downloads $(LAYER_PYTHON) 2>/dev/null)"; \
	do "$$p" -c 'import sys; sys.exit("%d.%d" % sys.version_info[:2] != "$(LAYER_PYTHON)")' 2>/dev/null && echo "$$p" && break; done)

COMPILE = "$(COMPILER)" -m compileall -q -s "$(SITE)" -p /opt/python --invalidation-mode unchecked-hash

.PHONY: layer
layer:
	@test -n "$(ARTIFACTS_DIR)" || { echo "ARTIFACTS_DIR is not set: run 'sam build', which sets it" >&2; exit 2; }
	@test -n "$(UV)" || { echo "uv is not on PATH: 'pip install uv', or see https://docs.astral.sh/uv/" >&2; exit 2; }
	@uv pip install --quiet --require-hashes --no-deps --only-binary :all: --requirements requirements.txt --target "$(SITE)" \
		--python-version $(LAYER_PYTHON) $(if $(LAYER_PLATFORM),--python-platform $(LAYER_PLATFORM))
	@cp -R $(PACKAGE) "$(SITE)/"
	@# What never runs in Lambda. Of the dist-info folders the versions and the licences stay.
	@rm -rf "$(SITE)/bin" "$(SITE)/Crypto/SelfTest" "$(SITE)/.lock"
	@rm -f "$(SITE)"/*.dist-info/RECORD "$(SITE)"/*.dist-info/INSTALLER "$(SITE)"/*.dist-info/REQUESTED "$(SITE)"/*.dist-info/WHEEL
	@rm -rf "$(SITE)"/*.dist-info/sboms
	@for metadata in "$(SITE)"/*.dist-info/METADATA; do sed -i.whole '/^$$/q' "$$metadata" && rm "$$metadata.whole"; done
	@grep -v '^ *\(#\|$$\)' unused.txt | while read -r unused; do rm -rf "$(SITE)"/$$unused; done
	@find "$(SITE)" -type d \( -name __pycache__ -o -name tests \) -prune -exec rm -rf {} +
	@find "$(SITE)" -type f \( -name '*.pyi' -o -name '*.pyc' \) -delete
	@# Unchecked: nothing edits a layer, and timestamps do not survive its zip. Halves the time an import takes. Of other
	@# people's packages the byte code is enough, without docstrings and assertions: their sources would be a third of the
	@# zip, and these a tenth.
	@if test -n "$(COMPILER)"; then $(COMPILE) "$(SITE)/$(PACKAGE)" && $(COMPILE) -b -o 2 -x '^$(SITE)/$(PACKAGE)/' "$(SITE)" && \
		find "$(SITE)" -path "$(SITE)/$(PACKAGE)" -prune -o -name '*.py' -exec rm {} +; \
	else echo "No python$(LAYER_PYTHON) on this machine: $(PACKAGE) is built without .pyc files and starts slower"; fi
