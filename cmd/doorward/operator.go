package main

import (
	"context"
	"fmt"

	"google.golang.org/grpc/credentials"

	"github.com/doorward/doorward/internal/secret"
)

// What every operators' command says of where it reads its way to the services.
const (
	readsKey         = "Reads DOORWARD_ADDRESS, DOORWARD_API_KEY (an operator's) and DOORWARD_CA from the environment."
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

// paged says which part of a list is shown.
type paged struct {
	Limit int32  `default:"50" help:"At most this many, 1 to 200."`
	Page  string `placeholder:"TOKEN" help:"Where to go on: the token that the page before ended with."`
}

// more tells how to see the next page, when there is one.
func more(command, token string) string {
	if token == "" {
		return ""
	}
	return fmt.Sprintf("more: doorward %s --page %s\n", command, token)
}
