package api

import (
	"context"

	"google.golang.org/protobuf/types/known/durationpb"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/flow"
)

type attempts struct {
	authnv1.UnimplementedAttemptServiceServer
	flow *flow.Attempts
}

var _ authnv1.AttemptServiceServer = (*attempts)(nil)

// StartSignUp begins the creation of an account.
func (a *attempts) StartSignUp(ctx context.Context, req *authnv1.StartSignUpRequest) (*authnv1.StartSignUpResponse, error) {
	by, err := speakerOf(ctx, req.GetClient())
	if err != nil {
		return nil, err
	}
	started, err := a.flow.StartSignUp(ctx, by.applicationID, by.client, req.GetEmail(), secret.Wrap(req.GetInvitation()))
	if err != nil {
		return nil, err
	}
	return &authnv1.StartSignUpResponse{
		Attempt:       attemptMessage(started.Progress),
		AttemptSecret: started.Secret.Reveal(),
	}, nil
}

// StartSignIn begins a sign-in.
func (a *attempts) StartSignIn(ctx context.Context, req *authnv1.StartSignInRequest) (*authnv1.StartSignInResponse, error) {
	by, err := speakerOf(ctx, req.GetClient())
	if err != nil {
		return nil, err
	}
	started, err := a.flow.StartSignIn(ctx, by.applicationID, by.client, req.GetEmail())
	if err != nil {
		return nil, err
	}
	return &authnv1.StartSignInResponse{
		Attempt:       attemptMessage(started.Progress),
		AttemptSecret: started.Secret.Reveal(),
	}, nil
}

// Prepare gets a factor ready.
func (a *attempts) Prepare(ctx context.Context, req *authnv1.PrepareRequest) (*authnv1.PrepareResponse, error) {
	ticket, err := ticketOf(ctx, req)
	if err != nil {
		return nil, err
	}
	progress, prompt, err := a.flow.Prepare(ctx, ticket, factorOf[req.GetFactor()])
	if err != nil {
		return nil, err
	}
	return &authnv1.PrepareResponse{
		Attempt: attemptMessage(progress),
		Prompt: &authnv1.Prompt{
			Factor:      req.GetFactor(),
			Destination: prompt.Destination,
			ValidFor:    durationpb.New(prompt.ValidFor),
			ResendAfter: durationpb.New(prompt.ResendAfter),
		},
	}, nil
}

// Continue takes an answer.
func (a *attempts) Continue(ctx context.Context, req *authnv1.ContinueRequest) (*authnv1.ContinueResponse, error) {
	ticket, err := ticketOf(ctx, req)
	if err != nil {
		return nil, err
	}
	progress, err := a.flow.Continue(ctx, ticket, answerOf(req))
	if err != nil {
		return nil, err
	}
	return &authnv1.ContinueResponse{Attempt: attemptMessage(progress)}, nil
}

// holder is a request of whoever holds an attempt.
type holder interface {
	GetAttemptId() string
	GetAttemptSecret() string
	GetClient() *typev1.ClientContext
}

func ticketOf(ctx context.Context, req holder) (flow.Ticket, error) {
	by, err := speakerOf(ctx, req.GetClient())
	if err != nil {
		return flow.Ticket{}, err
	}
	return flow.Ticket{
		AttemptID:     req.GetAttemptId(),
		Secret:        secret.Wrap(req.GetAttemptSecret()),
		ApplicationID: by.applicationID,
		Client:        by.client,
	}, nil
}

// answerOf reads the one answer that is set. One that this version doesn't know answers nothing, and fits no step.
func answerOf(req *authnv1.ContinueRequest) flow.Answer {
	switch answer := req.GetAnswer().(type) {
	case *authnv1.ContinueRequest_Password:
		return flow.Answer{Password: secret.Wrap(answer.Password)}
	case *authnv1.ContinueRequest_NewPassword:
		return flow.Answer{NewPassword: secret.Wrap(answer.NewPassword)}
	case *authnv1.ContinueRequest_Code:
		return flow.Answer{Code: secret.Wrap(answer.Code)}
	default:
		return flow.Answer{}
	}
}
