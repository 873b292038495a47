package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	"github.com/doorward/doorward/internal/timespan"
)

type appsCmd struct {
	List   appsListCmd   `cmd:"" help:"List the applications with their API keys."`
	Create appsCreateCmd `cmd:"" help:"Register an application."`
	Key    appsKeyCmd    `cmd:"" help:"Make, rotate and revoke API keys."`
}

func (appsCmd) Help() string {
	return "Applications are the backends that call authn. " + readsKey + " Example:\n\n  . .doorward/operator.env; doorward apps list"
}

type appsListCmd struct {
	paged
	JSON bool `name:"json" help:"Print the answer as JSON."`
}

func (appsListCmd) Help() string {
	return "Example:\n\n  . .doorward/operator.env; doorward apps list"
}

func (c *appsListCmd) Run(ctx context.Context, s streams) error {
	return query[*authnv1.ListApplicationsResponse]{
		service: "authn", json: c.JSON, show: c.print,
		ask: func(ctx context.Context, conn grpc.ClientConnInterface) (*authnv1.ListApplicationsResponse, error) {
			return authnv1.NewApplicationServiceClient(conn).ListApplications(ctx,
				&authnv1.ListApplicationsRequest{PageSize: c.Limit, PageToken: c.Page})
		},
	}.run(ctx, s)
}

type appsCreateCmd struct {
	Name     string `arg:"" help:"A name that operators recognise it by."`
	Audience string `required:"" help:"The aud of the session tokens that are issued through it."`
	JSON     bool   `name:"json" help:"Print the answer as JSON."`
}

func (appsCreateCmd) Help() string {
	return "It has no key yet: make one with doorward apps key create. Example:\n\n  . .doorward/operator.env; doorward apps create shop --audience shop"
}

func (c *appsCreateCmd) Run(ctx context.Context, s streams) error {
	return query[*authnv1.CreateApplicationResponse]{
		service: "authn", json: c.JSON,
		ask: func(ctx context.Context, conn grpc.ClientConnInterface) (*authnv1.CreateApplicationResponse, error) {
			return authnv1.NewApplicationServiceClient(conn).CreateApplication(ctx,
				&authnv1.CreateApplicationRequest{Name: c.Name, Audience: c.Audience})
		},
		show: func(w io.Writer, answer *authnv1.CreateApplicationResponse) error {
			fmt.Fprintf(w, "%s is %s\n", answer.GetApplication().GetId(), answer.GetApplication().GetName())
			return nil
		},
	}.run(ctx, s)
}

type appsKeyCmd struct {
	Create appsKeyCreateCmd `cmd:"" help:"Give an application one more key. It is shown once."`
	Rotate appsKeyRotateCmd `cmd:"" help:"Replace a key; the old one stays good for a while."`
	Revoke appsKeyRevokeCmd `cmd:"" help:"Make a key useless at once."`
}

func (appsKeyCmd) Help() string {
	return "Example:\n\n  . .doorward/operator.env; doorward apps key rotate key_… --overlap 48h"
}

type appsKeyCreateCmd struct {
	Application string   `arg:"" help:"The application's id, app_…."`
	Scope       []string `enum:"speak_for_users,operator" help:"What the key allows; may be repeated. Without one it may only verify sessions. ${enum}."`
	JSON        bool     `name:"json" help:"Print the answer as JSON; the key is in it."`
}

func (appsKeyCreateCmd) Help() string {
	return "The key goes to the output, this one time, and nothing else does. Example:\n\n  . .doorward/operator.env; doorward apps key create app_… --scope speak_for_users > shop.key"
}

func (c *appsKeyCreateCmd) Run(ctx context.Context, s streams) error {
	request := &authnv1.CreateApiKeyRequest{ApplicationId: c.Application}
	for _, scope := range c.Scope {
		request.Scopes = append(request.Scopes, authnv1.Scope(authnv1.Scope_value["SCOPE_"+strings.ToUpper(scope)]))
	}
	return query[*authnv1.CreateApiKeyResponse]{
		service: "authn", json: c.JSON, unfound: "no application is " + c.Application + "; they are shown by doorward apps list",
		ask: func(ctx context.Context, conn grpc.ClientConnInterface) (*authnv1.CreateApiKeyResponse, error) {
			return authnv1.NewApplicationServiceClient(conn).CreateApiKey(ctx, request)
		},
		show: func(w io.Writer, answer *authnv1.CreateApiKeyResponse) error {
			fmt.Fprintf(s.err, "made %s; the key is shown this one time:\n", answer.GetApiKeyId())
			fmt.Fprintln(w, answer.GetApiKey())
			return nil
		},
	}.run(ctx, s)
}

type appsKeyRotateCmd struct {
	Key     string        `arg:"" help:"The id of the key to be replaced, key_…."`
	Overlap timespan.Span `default:"24h" help:"For how long the old key stays good, at most 30d; 0s ends it at once."`
	JSON    bool          `name:"json" help:"Print the answer as JSON; the new key is in it."`
}

func (appsKeyRotateCmd) Help() string {
	return `The successor has the same scopes. It goes to the output, this one time: hand it to the application before the old key ends. Example:

  . .doorward/operator.env; doorward apps key rotate key_… --overlap 48h > shop.key`
}

func (c *appsKeyRotateCmd) Run(ctx context.Context, s streams) error {
	return query[*authnv1.RotateApiKeyResponse]{
		service: "authn", json: c.JSON, unfound: noKey(c.Key),
		ask: func(ctx context.Context, conn grpc.ClientConnInterface) (*authnv1.RotateApiKeyResponse, error) {
			return authnv1.NewApplicationServiceClient(conn).RotateApiKey(ctx,
				&authnv1.RotateApiKeyRequest{ApiKeyId: c.Key, Overlap: durationpb.New(time.Duration(c.Overlap))})
		},
		show: func(w io.Writer, answer *authnv1.RotateApiKeyResponse) error {
			fmt.Fprintf(s.err, "made %s; %s ends at %s UTC. The new key is shown this one time:\n",
				answer.GetApiKeyId(), c.Key, moment(answer.GetOldKeyExpiresAt()))
			fmt.Fprintln(w, answer.GetApiKey())
			return nil
		},
	}.run(ctx, s)
}

type appsKeyRevokeCmd struct {
	Key  string `arg:"" help:"The key's id, key_…."`
	Note string `help:"Why, for the audit record."`
	JSON bool   `name:"json" help:"Print the answer as JSON."`
}

func (appsKeyRevokeCmd) Help() string {
	return "Example:\n\n  . .doorward/operator.env; doorward apps key revoke key_… --note 'its host was lost'"
}

func (c *appsKeyRevokeCmd) Run(ctx context.Context, s streams) error {
	return query[*authnv1.RevokeApiKeyResponse]{
		service: "authn", json: c.JSON, unfound: noKey(c.Key),
		ask: func(ctx context.Context, conn grpc.ClientConnInterface) (*authnv1.RevokeApiKeyResponse, error) {
			return authnv1.NewApplicationServiceClient(conn).RevokeApiKey(ctx, &authnv1.RevokeApiKeyRequest{ApiKeyId: c.Key, Note: c.Note})
		},
		show: func(w io.Writer, answer *authnv1.RevokeApiKeyResponse) error {
			fmt.Fprintf(w, "%s is revoked since %s UTC\n", c.Key, moment(answer.GetRevokedAt()))
			return nil
		},
	}.run(ctx, s)
}

func noKey(id string) string {
	return "no API key is " + id + "; they are shown by doorward apps list"
}

func (c *appsListCmd) print(w io.Writer, answer *authnv1.ListApplicationsResponse) error {
	t := newTable(w, "APPLICATION", "NAME", "AUDIENCE", "KEY", "SCOPES", "MADE (UTC)", "STATE")
	for _, entry := range answer.GetApplications() {
		app := entry.GetApplication()
		cells := []string{app.GetId(), app.GetName(), app.GetAudience()}
		if len(entry.GetApiKeys()) == 0 {
			t.row(append(cells, "none")...)
		}
		for _, key := range entry.GetApiKeys() {
			t.row(append(cells, key.GetId(), scopesText(key), moment(key.GetCreatedAt()), keyText(key))...)
			cells = []string{"", "", ""}
		}
	}
	if err := t.flush(); err != nil {
		return err
	}
	fmt.Fprint(w, c.more("apps list", answer.GetNextPageToken()))
	return nil
}

func scopesText(key *authnv1.ApiKey) string {
	if len(key.GetScopes()) == 0 {
		return "verify only"
	}
	var scopes []string
	for _, scope := range key.GetScopes() {
		scopes = append(scopes, strings.ToLower(strings.TrimPrefix(scope.String(), "SCOPE_")))
	}
	return strings.Join(scopes, ",")
}

func keyText(key *authnv1.ApiKey) string {
	switch {
	case key.GetRevokedAt() != nil:
		return "revoked " + moment(key.GetRevokedAt())
	case key.GetExpiresAt() != nil && !time.Now().Before(key.GetExpiresAt().AsTime()):
		return "ended " + moment(key.GetExpiresAt())
	case key.GetExpiresAt() != nil:
		return "ends " + moment(key.GetExpiresAt()) + ", successor " + key.GetSuccessorId()
	}
	return "good"
}
