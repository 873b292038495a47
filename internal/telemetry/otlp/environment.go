package otlp

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// The variables that we look at ourselves. The exporter and the SDK read the rest: headers, certificate, time-out,
// compression, sampler, resource attributes, limits.
const (
	varEndpoint       = "OTEL_EXPORTER_OTLP_ENDPOINT"
	varTracesEndpoint = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
	varProtocol       = "OTEL_EXPORTER_OTLP_PROTOCOL"
	varTracesProtocol = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"
	varExporter       = "OTEL_TRACES_EXPORTER"
	varDisabled       = "OTEL_SDK_DISABLED"
)

// wanted says whether the environment, as os.Environ gives it, asks for traces, and what is wrong with how it does.
func wanted(environ []string) (bool, error) {
	vars := make(map[string]string, len(environ))
	for _, pair := range environ {
		if name, value, ok := strings.Cut(pair, "="); ok && strings.HasPrefix(name, "OTEL_") {
			vars[name] = value
		}
	}
	name, endpoint := first(vars, varTracesEndpoint, varEndpoint)
	if endpoint == "" || strings.EqualFold(vars[varDisabled], "true") || vars[varExporter] == "none" {
		return false, nil
	}
	var faults []error
	if u, err := url.Parse(endpoint); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		faults = append(faults, fmt.Errorf("%s isn't a collector's address, such as http://127.0.0.1:4317", name))
	}
	if name, protocol := first(vars, varTracesProtocol, varProtocol); protocol != "" && protocol != "grpc" {
		faults = append(faults, fmt.Errorf("%s must be grpc or unset: traces are sent by OTLP over gRPC alone", name))
	}
	if exporter := vars[varExporter]; exporter != "" && exporter != "otlp" {
		faults = append(faults, fmt.Errorf("%s must be otlp, none or unset", varExporter))
	}
	return true, errors.Join(faults...)
}

// first is the first of the variables that is set, and its value.
func first(vars map[string]string, names ...string) (name, value string) {
	for _, name := range names {
		if vars[name] != "" {
			return name, vars[name]
		}
	}
	return "", ""
}
