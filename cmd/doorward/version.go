package main

import (
	"strings"

	"github.com/doorward/doorward/internal/telemetry"
)

// version is what this binary was built from, for people.
func version() string {
	build := telemetry.ReadBuild()
	text := strings.TrimSpace("doorward " + build.Version + " " + build.Revision)
	return text + ", " + build.Go
}
