package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/doorward/doorward/internal/certs"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/internal/rpc"
	"github.com/doorward/doorward/internal/secret"
)

// query is one call of an operator's command, and how its answer is shown.
type query[A proto.Message] struct {
	// service answers it: authn, risk or notify.
	service string
	ask     func(context.Context, grpc.ClientConnInterface) (A, error)
	// show prints the answer for people; json prints it as it is instead.
	show func(io.Writer, A) error
	json bool
	// unfound is what is said when the service doesn't have what was named.
	unfound string
	// whole says that it changes something wholly or not at all: where a field of many is refused, the operator is told that the others weren't taken either.
	whole bool
}

// run makes the call.
func (q query[A]) run(ctx context.Context, s streams) error {
	conn, err := s.dial(q.service)
	if err != nil {
		return err
	}
	defer conn.Close()
	answer, err := q.ask(ctx, conn)
	if err != nil {
		if q.whole && fault.KindOf(err) == fault.Invalid {
			return unchanged(s.advise(err, q.service, q.unfound))
		}
		return s.advise(err, q.service, q.unfound)
	}
	if q.json {
		return printJSON(s.out, answer)
	}
	return q.show(s.out, answer)
}

// addressVariables are where an operator's environment says that the services are.
var addressVariables = map[string]string{
	"authn": "DOORWARD_ADDRESS", "risk": "DOORWARD_RISK_ADDRESS", "notify": "DOORWARD_NOTIFY_ADDRESS",
}

// dial connects as the operator: to authn with the API key in the environment, or, where there is none, with the operator's certificate; to the others,
// which know no API keys, with the certificate.
func (s streams) dial(service string) (*operatorConn, error) {
	if s.showsKey(service) {
		return s.dialWithKey()
	}
	return s.dialWithCertificate(service)
}

// showsKey says by what a service is to know the operator. When there is neither, it is the key that is missed.
func (s streams) showsKey(service string) bool {
	return service == "authn" && (s.lookup("DOORWARD_API_KEY") != "" || s.lookup("DOORWARD_CERTS") == "")
}

func (s streams) dialWithKey() (*operatorConn, error) {
	found, err := s.need(addressVariables["authn"], "DOORWARD_API_KEY", "DOORWARD_CA")
	if err != nil {
		return nil, err
	}
	roots, err := certs.ReadRoots(found[2])
	if err != nil {
		return nil, err
	}
	return dialOperator(found[0], rpc.ClientConfig{
		TLS:         &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: roots, ServerName: "authn"},
		Credentials: apiKey{secret.Wrap(found[1])},
	})
}

func (s streams) dialWithCertificate(service string) (*operatorConn, error) {
	found, err := s.need(addressVariables[service], "DOORWARD_CERTS")
	if err != nil {
		return nil, err
	}
	logger, err := s.logger(slog.LevelWarn)
	if err != nil {
		return nil, err
	}
	material, err := loadCertificate(found[1], "operator", logger)
	if err != nil {
		return nil, err
	}
	return dialOperator(found[0], rpc.ClientConfig{TLS: certs.ClientTLS(material, service)})
}

// need reads variables of the environment. It reports all that are missing at once.
func (s streams) need(names ...string) ([]string, error) {
	var values, missing []string
	for _, name := range names {
		value := s.lookup(name)
		if value == "" {
			missing = append(missing, name)
		}
		values = append(values, value)
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("no %s: run . %s", strings.Join(missing, ", "), s.operatorEnv())
	}
	return values, nil
}

// lookup reads the environment.
func (s streams) lookup(name string) string {
	for _, pair := range s.env {
		if value, ok := strings.CutPrefix(pair, name+"="); ok {
			return value
		}
	}
	return ""
}

// printJSON prints an answer, for scripts. A secret is in it only where the operator asked for one to be made.
func printJSON(w io.Writer, answer proto.Message) error {
	text, err := protojson.MarshalOptions{Multiline: true, UseProtoNames: true}.Marshal(answer) //nolint:forbidigo // for the operator who asked
	if err != nil {
		return fmt.Errorf("print as JSON: %w", err)
	}
	fmt.Fprintln(w, string(text))
	return nil
}
