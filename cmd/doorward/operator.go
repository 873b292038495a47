package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"google.golang.org/grpc/credentials"

	"github.com/doorward/doorward/cmd/doorward/internal/deployment"
	"github.com/doorward/doorward/internal/certs"
	"github.com/doorward/doorward/internal/secret"
)

// operatorEnv is the env file that an operator reads: the one beside the files that the environment names, where there is one.
func (s streams) operatorEnv() string {
	if dir := s.lookup("DOORWARD_CERTS"); dir != "" {
		path := deployment.Layout{Dir: filepath.Dir(dir)}.OperatorEnv()
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	return "<dir>/operator.env, of the deployment's directory (.doorward in development)"
}

// loadCertificate reads a certificate to show. A missing one is somewhere else: making it here would make another CA.
func loadCertificate(dir, name string, logger *slog.Logger) (*certs.Material, error) {
	for _, file := range []string{"ca.pem", name + ".pem", name + ".key"} {
		if _, err := os.Stat(filepath.Join(dir, file)); errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s has no %s: name the directory that has it by --certs or DOORWARD_CERTS", dir, file)
		}
	}
	return certs.Load(dir, name, logger)
}

// certsDirectory is where certificates are when no flag says it: where an operator's environment has them, or those of development.
func (s streams) certsDirectory(given string) string {
	if given != "" {
		return given
	}
	if dir := s.lookup("DOORWARD_CERTS"); dir != "" {
		return dir
	}
	return deployment.Layout{Dir: ".doorward"}.Certs()
}

// What every operators' command says of where it reads its way to the services.
const (
	readsKey = "Reads DOORWARD_ADDRESS, DOORWARD_API_KEY (an operator's) and DOORWARD_CA from the environment; without a key, DOORWARD_CERTS (a directory with the " +
		"operator's certificate)."
	readsCertificate = "Reads DOORWARD_CERTS (a directory with the operator's certificate) and the service's address from the environment."
)

// apiKey puts an operator's key into every call.
type apiKey struct{ key secret.Text }

var _ credentials.PerRPCCredentials = apiKey{}

func (k apiKey) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + k.key.Reveal()}, nil
}

func (apiKey) RequireTransportSecurity() bool { return true }

// whose names a user.
type whose struct {
	Email string `xor:"user" required:"" help:"The user's mail address; give this or --user."`
	User  string `xor:"user" required:"" help:"The user's id, usr_…; give this or --email."`
}

func (w whose) unfound() string { return "no user is " + w.Email + w.User }

// flag is how the command line names the user.
func (w whose) flag() string {
	if w.User != "" {
		return " --user " + w.User
	}
	return " --email " + w.Email
}

// paged says which part of a list is shown.
type paged struct {
	Limit int32  `default:"50" help:"At most this many, 1 to 200."`
	Page  string `placeholder:"TOKEN" help:"Where to go on: the token that the page before ended with."`
}

// Validate is asked by kong.
func (p paged) Validate() error {
	const most = 200
	if p.Limit < 1 || p.Limit > most {
		return fmt.Errorf("--limit: must be from 1 to %d", most)
	}
	return nil
}

// more tells how to see the next page, when there is one.
func (p paged) more(command, token string) string {
	if token == "" {
		return ""
	}
	return fmt.Sprintf("more: doorward %s --limit %d --page %s\n", command, p.Limit, token)
}
