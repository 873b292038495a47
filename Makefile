# What a person does with this repository. `make` alone lists it; CI runs .ci/run, which is `make check` and `make test`.
.DEFAULT_GOAL := help
.PHONY: help generate

help: ## List what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

generate: ## Write the Go code of the protos into gen/ and examples/notes/gen
	@scripts/generate
