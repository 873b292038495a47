// Package otlp sends spans to an OpenTelemetry collector. It owns the exporter, its queue, and what a span may say when it
// leaves the process: attributes that aren't on the list in scrub.go, texts of errors, and events are dropped, whoever
// recorded them.
//
// It is switched on and set up by the standard OTEL_ variables and by nothing else; without an endpoint among them no span
// is made. It sets no global of OpenTelemetry's: cmd/doorward opens one Exporter for the process and hands each service a
// telemetry.Tracing of its own, which says whose spans they are.
package otlp
