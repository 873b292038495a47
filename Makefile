# What a person does with this repository. `make` alone lists it; CI runs .ci/run, which is `make check` and `make test`.
.DEFAULT_GOAL := help

# Every Go module of ours. There is no go.work, because `go tool -modfile` refuses to run under one.
MODULES := . gen sdk
TOOL    := go tool -modfile=$(CURDIR)/tools/go.mod

.PHONY: help build test fuzz check generate format bench attack chaos faults soak vuln data compose-test

help: ## List what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## Build the doorward binary into bin/
	@go build -o bin/ ./cmd/doorward

test: ## Test every module with the race detector; installs the Debian packages it needs when root
	@scripts/packages
	@go run ./scripts/gotest $(MODULES)

fuzz: ## Run every fuzzer for FUZZTIME (10m), or those that FUZZ matches; keeps what they find
	@go run ./scripts/fuzz -time $(or $(FUZZTIME),10m) -run '$(FUZZ)' $(MODULES)

check: ## Check contracts, generated code, modules, format, lint and imports
	@scripts/check $(MODULES)

generate: ## Write the Go code of the protos into gen/ and examples/notes/gen
	@scripts/generate

format: ## Rewrite Go and proto files the way make check wants them
	@$(TOOL) golangci-lint fmt
	@cd sdk && $(TOOL) golangci-lint fmt --config ../.golangci.yml
	@$(TOOL) buf format --write proto
	@$(TOOL) buf format --write examples/notes/proto

bench: ## Run the benchmarks; prints each figure beside its limit, measured in the same run
	@go run ./scripts/bench $(MODULES)

chaos: ## Kill the services 50 times under load, doorward serve 25 times, and look for anything lost; KILLS and SEED change that
	@go test ./test/chaos -count=1 -timeout=1h -v -kills=$(or $(KILLS),50) -seed=$(or $(SEED),0)

faults: ## Take away NATS, each service, the mail server and the disks, for a minute each, under load; OUTAGE and ROLLBACK change that
	@go test ./test/faults -count=1 -timeout=2h -v -outage=$(or $(OUTAGE),1m) -rollback=$(or $(ROLLBACK),14m)

attack: ## Guess, spray, stuff, lock out, flood, mail-bomb and enumerate the suite with crowds of 10,000; SCALE changes that
	@go test ./test/attack -count=1 -timeout=2h -v -scale=$(or $(SCALE),250)

soak: ## Leave the suite under load for an hour, and print what it holds each minute; DURATION changes that
	@go test ./test/soak -count=1 -timeout=25h -v -duration=$(or $(DURATION),1h)

vuln: ## Look for known vulnerabilities; says "not checked" when their database is out of reach
	@scripts/vuln $(MODULES)

data: ## Renew the data that ships: countries, disposable mail domains, the most used passwords (needs npm)
	@go run ./services/risk/internal/geo/gendata
	@go run ./services/authn/internal/restriction/gendata
	@go run ./internal/breach/gendata

compose-test: ## Play the story in containers: build, up, demo, kill, again, stop, down (PORT_BASE=7500 for other ports)
	@scripts/compose-test
