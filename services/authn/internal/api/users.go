package api

import (
	"context"

	"google.golang.org/protobuf/types/known/timestamppb"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	"github.com/doorward/doorward/services/authn/internal/account"
	"github.com/doorward/doorward/services/authn/internal/flow"
)

type users struct {
	authnv1.UnimplementedUserServiceServer
	flow    *flow.Users
	imports *flow.Imports
}

var _ authnv1.UserServiceServer = (*users)(nil)

// ListUsers is a page of the accounts.
func (u *users) ListUsers(ctx context.Context, req *authnv1.ListUsersRequest) (*authnv1.ListUsersResponse, error) {
	after, err := pageID(req, "usr")
	if err != nil {
		return nil, err
	}
	page, next, err := u.flow.List(ctx, after, pageSize(req))
	if err != nil {
		return nil, err
	}
	response := &authnv1.ListUsersResponse{NextPageToken: next}
	for i := range page {
		response.Users = append(response.Users, userMessage(&page[i]))
	}
	return response, nil
}

// GetUser is one account.
func (u *users) GetUser(ctx context.Context, req *authnv1.GetUserRequest) (*authnv1.GetUserResponse, error) {
	user, err := u.flow.Get(ctx, flow.Whose{UserID: req.GetUserId(), Email: req.GetEmail(), ExternalID: req.GetExternalId()})
	if err != nil {
		return nil, err
	}
	return &authnv1.GetUserResponse{User: userMessage(&user)}, nil
}

// LockUser keeps an account from signing in.
func (u *users) LockUser(ctx context.Context, req *authnv1.LockUserRequest) (*authnv1.LockUserResponse, error) {
	by, err := actorOf(ctx)
	if err != nil {
		return nil, err
	}
	user, err := u.flow.Lock(ctx, by, whose(req), req.GetLockFor().AsDuration(), req.GetNote())
	if err != nil {
		return nil, err
	}
	return &authnv1.LockUserResponse{User: userMessage(&user)}, nil
}

// UnlockUser ends a lock.
func (u *users) UnlockUser(ctx context.Context, req *authnv1.UnlockUserRequest) (*authnv1.UnlockUserResponse, error) {
	by, err := actorOf(ctx)
	if err != nil {
		return nil, err
	}
	user, err := u.flow.Unlock(ctx, by, whose(req), req.GetNote())
	if err != nil {
		return nil, err
	}
	return &authnv1.UnlockUserResponse{User: userMessage(&user)}, nil
}

// BanUser shuts an account out.
func (u *users) BanUser(ctx context.Context, req *authnv1.BanUserRequest) (*authnv1.BanUserResponse, error) {
	by, err := actorOf(ctx)
	if err != nil {
		return nil, err
	}
	user, ended, err := u.flow.Ban(ctx, by, whose(req), req.GetNote())
	if err != nil {
		return nil, err
	}
	return &authnv1.BanUserResponse{User: userMessage(&user), EndedSessionIds: ended}, nil
}

// UnbanUser lifts a ban.
func (u *users) UnbanUser(ctx context.Context, req *authnv1.UnbanUserRequest) (*authnv1.UnbanUserResponse, error) {
	by, err := actorOf(ctx)
	if err != nil {
		return nil, err
	}
	user, err := u.flow.Unban(ctx, by, whose(req), req.GetNote())
	if err != nil {
		return nil, err
	}
	return &authnv1.UnbanUserResponse{User: userMessage(&user)}, nil
}

// MarkCompromised has users choose another password.
func (u *users) MarkCompromised(ctx context.Context, req *authnv1.MarkCompromisedRequest) (*authnv1.MarkCompromisedResponse, error) {
	by, err := actorOf(ctx)
	if err != nil {
		return nil, err
	}
	marked, err := u.flow.MarkCompromised(ctx, by, req.GetUserIds(), req.GetEndSessions(), req.GetNote())
	if err != nil {
		return nil, err
	}
	return &authnv1.MarkCompromisedResponse{MarkedUserIds: marked.UserIDs, EndedSessionIds: marked.Sessions}, nil
}

// userMessage is an account as an operator sees it: whether there is a password and since when, and nothing of the password.
func userMessage(u *account.User) *authnv1.User {
	m := &authnv1.User{
		Id:            u.ID,
		CreatedAt:     timestamppb.New(u.CreatedAt),
		Version:       u.Version,
		SecurityEpoch: u.Epoch,
		ExternalId:    u.ExternalID,
		Name:          u.Name,
	}
	for _, e := range u.Emails {
		m.Emails = append(m.Emails, &authnv1.UserEmail{
			Id:         e.ID,
			Address:    e.Address,
			VerifiedAt: timestamp(e.VerifiedAt),
			RemovedAt:  timestamp(e.RemovedAt),
		})
	}
	if u.Password != nil {
		m.Password, m.PasswordSetAt = authnv1.PasswordState_PASSWORD_STATE_GOOD, timestamp(u.Password.SetAt)
	}
	switch {
	case u.Password.Contained():
		m.Password = authnv1.PasswordState_PASSWORD_STATE_CONTAINED
	case u.Password.Compromised():
		m.Password = authnv1.PasswordState_PASSWORD_STATE_COMPROMISED
	}
	if u.Lock != nil {
		m.LockedAt, m.LockedUntil = timestamppb.New(u.Lock.At), timestamp(u.Lock.Until)
	}
	m.BannedAt = timestamp(u.BannedAt)
	if u.Import != nil {
		m.ImportedAt, m.LearnUntil = timestamppb.New(u.Import.At), timestamp(u.Import.LearnUntil)
	}
	return m
}
