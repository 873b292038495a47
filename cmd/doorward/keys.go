package main

import (
	"context"
	"fmt"
	"io"

	"google.golang.org/grpc"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
)

type keysCmd struct {
	List    keysListCmd    `cmd:"" help:"List the signing keys."`
	Rotate  keysRotateCmd  `cmd:"" help:"Begin the next rotation now. They rotate by themselves too."`
	Replace keysReplaceCmd `cmd:"" aliases:"emergency" help:"In an emergency: replace all signing keys at once."`
}

func (keysCmd) Help() string {
	return "The keys that session tokens are signed with. " + readsKey + " Example:\n\n  . .doorward/operator.env; doorward keys list"
}

type keysListCmd struct {
	JSON bool `name:"json" help:"Print the answer as JSON."`
}

func (keysListCmd) Help() string {
	return "Example:\n\n  . .doorward/operator.env; doorward keys list"
}

func (c *keysListCmd) Run(ctx context.Context, s streams) error {
	return query[*authnv1.ListSigningKeysResponse]{
		service: "authn", json: c.JSON,
		ask: func(ctx context.Context, conn grpc.ClientConnInterface) (*authnv1.ListSigningKeysResponse, error) {
			return authnv1.NewKeyServiceClient(conn).ListSigningKeys(ctx, &authnv1.ListSigningKeysRequest{})
		},
		show: func(w io.Writer, answer *authnv1.ListSigningKeysResponse) error {
			t := newTable(w, "KEY", "STATE", "MADE (UTC)", "SIGNS FROM (UTC)")
			for _, key := range answer.GetKeys() {
				t.row(key.GetId(), enumText(key.GetState(), "SIGNING_KEY_STATE_"), moment(key.GetCreatedAt()), moment(key.GetSignsFrom()))
			}
			return t.flush()
		},
	}.run(ctx, s)
}

type keysRotateCmd struct {
	Note string `help:"Why, for the audit record."`
	JSON bool   `name:"json" help:"Print the answer as JSON."`
}

func (keysRotateCmd) Help() string {
	return `Nobody notices: the new key is published first and signs once every verifier has had time to fetch it. Example:

  . .doorward/operator.env; doorward keys rotate --note 'somebody left the team'`
}

func (c *keysRotateCmd) Run(ctx context.Context, s streams) error {
	return query[*authnv1.RotateSigningKeyResponse]{
		service: "authn", json: c.JSON,
		ask: func(ctx context.Context, conn grpc.ClientConnInterface) (*authnv1.RotateSigningKeyResponse, error) {
			return authnv1.NewKeyServiceClient(conn).RotateSigningKey(ctx, &authnv1.RotateSigningKeyRequest{Note: c.Note})
		},
		show: func(w io.Writer, answer *authnv1.RotateSigningKeyResponse) error {
			fmt.Fprintf(w, "%s is published and signs from %s UTC\n", answer.GetNext().GetId(), moment(answer.GetNext().GetSignsFrom()))
			return nil
		},
	}.run(ctx, s)
}

type keysReplaceCmd struct {
	Note string `required:"" help:"Why, for the audit record."`
	JSON bool   `name:"json" help:"Print the answer as JSON."`
}

func (keysReplaceCmd) Help() string {
	return `For a signing key that somebody else may have. A new key signs at once, and guarded services refuse what the others signed within milliseconds: every
session has to refresh, and goes on. Example:

  . .doorward/operator.env; doorward keys replace --note 'a backup with its key file was lost'`
}

func (c *keysReplaceCmd) Run(ctx context.Context, s streams) error {
	return query[*authnv1.ReplaceSigningKeysResponse]{
		service: "authn", json: c.JSON,
		ask: func(ctx context.Context, conn grpc.ClientConnInterface) (*authnv1.ReplaceSigningKeysResponse, error) {
			return authnv1.NewKeyServiceClient(conn).ReplaceSigningKeys(ctx, &authnv1.ReplaceSigningKeysRequest{Note: c.Note})
		},
		show: func(w io.Writer, answer *authnv1.ReplaceSigningKeysResponse) error {
			fmt.Fprintf(w, "%s signs from now on\n", answer.GetCurrent().GetId())
			for _, id := range answer.GetRevokedKeyIds() {
				fmt.Fprintf(w, "%s is revoked: what it signed is refused\n", id)
			}
			return nil
		},
	}.run(ctx, s)
}
