package api

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	"github.com/doorward/doorward/services/authn/internal/flow"
	"github.com/doorward/doorward/services/authn/internal/restriction"
)

var listMessage = map[restriction.List]authnv1.RestrictionList{
	restriction.Allow:         authnv1.RestrictionList_RESTRICTION_LIST_ALLOW,
	restriction.Block:         authnv1.RestrictionList_RESTRICTION_LIST_BLOCK,
	restriction.Disposable:    authnv1.RestrictionList_RESTRICTION_LIST_DISPOSABLE,
	restriction.NotDisposable: authnv1.RestrictionList_RESTRICTION_LIST_NOT_DISPOSABLE,
}

// listOf is the domain's list; one that isn't known is none, which takes no entries.
func listOf(m authnv1.RestrictionList) restriction.List {
	for list, said := range listMessage {
		if said == m {
			return list
		}
	}
	return 0
}

type restrictions struct {
	authnv1.UnimplementedRestrictionServiceServer
	flow  *flow.Restrictions
	users *flow.Users
	now   func() time.Time
}

var _ authnv1.RestrictionServiceServer = (*restrictions)(nil)

// AddEntries puts entries into a list.
func (r *restrictions) AddEntries(ctx context.Context, req *authnv1.AddEntriesRequest) (*authnv1.AddEntriesResponse, error) {
	by, err := actorOf(ctx)
	if err != nil {
		return nil, err
	}
	added, warnings, err := r.flow.Add(ctx, by, listOf(req.GetList()), req.GetEntries(), req.GetNote())
	if err != nil {
		return nil, err
	}
	return &authnv1.AddEntriesResponse{Added: entryTexts(added), Warnings: warningMessages(warnings)}, nil
}

// RemoveEntries takes entries out of a list.
func (r *restrictions) RemoveEntries(ctx context.Context, req *authnv1.RemoveEntriesRequest) (*authnv1.RemoveEntriesResponse, error) {
	by, err := actorOf(ctx)
	if err != nil {
		return nil, err
	}
	removed, absent, warnings, err := r.flow.Remove(ctx, by, listOf(req.GetList()), req.GetEntries(), req.GetNote())
	if err != nil {
		return nil, err
	}
	return &authnv1.RemoveEntriesResponse{Removed: entryTexts(removed), Absent: entryTexts(absent), Warnings: warningMessages(warnings)}, nil
}

// ListEntries is a page of a list.
func (r *restrictions) ListEntries(ctx context.Context, req *authnv1.ListEntriesRequest) (*authnv1.ListEntriesResponse, error) {
	after, err := pageName(req)
	if err != nil {
		return nil, err
	}
	page, next, err := r.flow.List(ctx, listOf(req.GetList()), after, pageSize(req))
	if err != nil {
		return nil, err
	}
	response := &authnv1.ListEntriesResponse{NextPageToken: nameToken(next)}
	for _, k := range page {
		response.Entries = append(response.Entries, &authnv1.RestrictionEntry{
			Entry: k.String(), Written: k.Written, AddedAt: timestamppb.New(k.AddedAt), AddedBy: k.AddedBy, Note: k.Note,
		})
	}
	return response, nil
}

// ImportEntries puts a file's entries into a list.
func (r *restrictions) ImportEntries(stream grpc.BidiStreamingServer[authnv1.ImportEntriesRequest, authnv1.ImportEntriesResponse]) error {
	ctx := stream.Context()
	by, err := actorOf(ctx)
	if err != nil {
		return err
	}
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	header := first.GetHeader()
	if header == nil {
		return errInvalidField.Field("header", "must be in the first message")
	}
	var last flow.Imported
	warnings, err := r.flow.Import(ctx, by, listOf(header.GetList()), &chunks{from: stream}, header.GetNote(), func(done flow.Imported) error {
		last = done
		if done.Seen == done.Total {
			return nil // sent below
		}
		return stream.Send(importMessage(done))
	})
	if err != nil {
		return err
	}
	answer := importMessage(last)
	answer.Warnings = warningMessages(warnings)
	return stream.Send(answer)
}

func importMessage(done flow.Imported) *authnv1.ImportEntriesResponse {
	return &authnv1.ImportEntriesResponse{Total: int32(done.Total), Seen: int32(done.Seen), Added: int32(done.Added)}
}

// chunks reads the file that comes in pieces.
type chunks struct {
	from grpc.BidiStreamingServer[authnv1.ImportEntriesRequest, authnv1.ImportEntriesResponse]
	rest []byte
}

func (c *chunks) Read(p []byte) (int, error) {
	for len(c.rest) == 0 {
		piece, err := c.from.Recv()
		if errors.Is(err, io.EOF) {
			return 0, io.EOF
		}
		if err != nil {
			return 0, err
		}
		if piece.GetHeader() != nil {
			return 0, errInvalidField.Field("header", "must be in the first message alone")
		}
		c.rest = piece.GetChunk()
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// ExplainAddress is what the rules say of an address.
func (r *restrictions) ExplainAddress(ctx context.Context, req *authnv1.ExplainAddressRequest) (*authnv1.ExplainAddressResponse, error) {
	var ip netip.Addr
	if req.GetIp() != "" {
		var err error
		if ip, err = netip.ParseAddr(req.GetIp()); err != nil {
			return nil, errInvalidField.Field("ip", "must be an IP address")
		}
	}
	told, err := r.flow.Explain(ctx, req.GetEmail(), ip)
	if err != nil {
		return nil, err
	}
	answer := &authnv1.ExplainAddressResponse{
		Allowed: told.Allowed, Rule: string(told.Reason), Invitation: invitationMessage(&told.Invitation, r.now()),
	}
	for _, f := range told.Findings {
		answer.Findings = append(answer.Findings, findingMessage(f))
	}
	return answer, nil
}

// SweepUsers judges a page of the accounts that exist, and bans those who may not sign up where it is asked to.
func (r *restrictions) SweepUsers(ctx context.Context, req *authnv1.SweepUsersRequest) (*authnv1.SweepUsersResponse, error) {
	by, err := actorOf(ctx)
	if err != nil {
		return nil, err
	}
	after, err := pageID(req, "usr")
	if err != nil {
		return nil, err
	}
	swept, err := r.flow.Judge(ctx, after, pageSize(req))
	if err != nil {
		return nil, err
	}
	response := &authnv1.SweepUsersResponse{Judged: int32(swept.Judged), NextPageToken: swept.Next}
	for _, u := range swept.Refused {
		if req.GetBan() {
			if _, _, err := r.users.Ban(ctx, by, flow.Whose{UserID: u.UserID}, req.GetNote()); err != nil {
				return nil, err
			}
		}
		response.Users = append(response.Users, &authnv1.SweptUser{UserId: u.UserID, Email: u.Email, Rule: string(u.Rule), Banned: req.GetBan()})
	}
	return response, nil
}

func findingMessage(f restriction.Finding) *authnv1.RestrictionFinding {
	m := &authnv1.RestrictionFinding{
		Rule: string(f.Rule), Effect: f.Effect.String(), Shipped: f.Shipped, Tag: f.Tag, Mailbox: f.Mailbox, InvitationId: f.Invitation,
	}
	if f.Entry.Name != "" {
		m.List, m.Entry = listMessage[f.Entry.List], f.Entry.AsWritten()
	}
	return m
}

func warningMessages(warnings []restriction.Warning) []*authnv1.RestrictionWarning {
	var all []*authnv1.RestrictionWarning
	for _, w := range warnings {
		all = append(all, &authnv1.RestrictionWarning{Kind: string(w.Kind), Text: w.Text})
	}
	return all
}

func entryTexts(entries []restriction.Entry) []string {
	var texts []string
	for _, e := range entries {
		texts = append(texts, e.String())
	}
	return texts
}
