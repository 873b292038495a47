package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	doorward "github.com/doorward/doorward/sdk"
)

// signer takes a user through a sign-in or sign-up, whatever steps it has.
type signer struct {
	client   *doorward.Client
	device   device
	codes    codeReader
	password passwordReader
	terminal *terminal
}

// passwordReader answers with the user's password.
type passwordReader func(ctx context.Context, question string) (string, error)

// from says on whose behalf the calls are made. A web application has doorward.FromHTTP(r) instead.
func (s *signer) from() (doorward.From, error) {
	secret, err := s.device.secret()
	if err != nil {
		return doorward.From{}, err
	}
	from := doorward.From{IP: netip.MustParseAddr("127.0.0.1"), UserAgent: "notes-example/1", Language: "en"}
	return from.WithDevice(secret), nil
}

// run answers steps until the session is there. A device that is known gets by with the password.
func (s *signer) run(ctx context.Context, email string, signUp bool) (doorward.Grant, error) {
	from, err := s.from()
	if err != nil {
		return doorward.Grant{}, err
	}
	begin := s.client.SignIn
	if signUp {
		begin = s.client.SignUp
	}
	attempt, err := begin(ctx, email, from)
	if err != nil {
		return doorward.Grant{}, err
	}
	for {
		if grant, ok := attempt.Grant(); ok {
			return grant, s.device.keep(grant.DeviceSecret)
		}
		if err := s.step(ctx, attempt); err != nil {
			return doorward.Grant{}, err
		}
		if last := attempt.LastAnswer(); last.Outcome == doorward.Wrong || last.Outcome == doorward.Expired {
			fmt.Fprintf(s.terminal.out, "that was wrong or too late; %d more tries\n", last.AnswersLeft)
		}
	}
}

// step answers what the attempt asks for now.
func (s *signer) step(ctx context.Context, attempt *doorward.Attempt) error {
	switch attempt.Next() {
	case doorward.FirstFactor:
		password, err := s.password(ctx, "password: ")
		if err != nil {
			return err
		}
		return attempt.Password(ctx, password)
	case doorward.NewPassword:
		return s.newPassword(ctx, attempt)
	case doorward.EmailVerification, doorward.DeviceVerification:
		return s.mailedCode(ctx, attempt)
	case doorward.Refused:
		return fmt.Errorf("refused: %s", name(attempt.Refusal()))
	default:
		return fmt.Errorf("the attempt asks for %s, which this example doesn't know", attempt.Next())
	}
}

// newPassword goes on asking while the password breaks a rule.
func (s *signer) newPassword(ctx context.Context, attempt *doorward.Attempt) error {
	password, err := s.password(ctx, "choose a password: ")
	if err != nil {
		return err
	}
	err = attempt.NewPassword(ctx, password)
	if reason, _ := doorward.ReasonOf(err); reason != typev1.Reason_REASON_PASSWORD_UNACCEPTABLE {
		return err
	}
	for _, violation := range doorward.Violations(err) {
		fmt.Fprintf(s.terminal.out, "%s: %s\n", violation.Field, violation.Rule)
	}
	return nil // the step is still the same
}

func (s *signer) mailedCode(ctx context.Context, attempt *doorward.Attempt) error {
	// A wrong code can be corrected; only the first try, and one that came too late, need a mail.
	if attempt.LastAnswer().Outcome != doorward.Wrong || attempt.Prompt().Destination == "" {
		if err := s.codes.prepare(ctx); err != nil {
			return err
		}
		if err := attempt.SendCode(ctx); err != nil {
			return err
		}
		fmt.Fprintf(s.terminal.out, "a code is on its way to %s\n", attempt.Prompt().Destination)
	}
	code, err := s.codes.read(ctx)
	if err != nil {
		return err
	}
	return attempt.Code(ctx, code)
}

// name is a reason as the contract writes it.
func name(reason typev1.Reason) string { return strings.TrimPrefix(reason.String(), "REASON_") }

// explain says of a failed call what a person at a terminal can do about it.
func explain(err error) error {
	if _, isCall := status.FromError(err); err == nil || !isCall {
		return err
	}
	said := errors.New(describe(err))
	wait, limited := doorward.RetryAfter(err)
	reason, _ := doorward.ReasonOf(err)
	switch {
	case limited:
		return fmt.Errorf("%w\ntry again in %s", said, wait)
	case reason == typev1.Reason_REASON_API_KEY_INVALID, reason == typev1.Reason_REASON_CALLER_NOT_ALLOWED:
		return fmt.Errorf("%w\nrun . .doorward/dev.env again", said)
	case reason == typev1.Reason_REASON_UNSPECIFIED && (status.Code(err) == codes.Unavailable || status.Code(err) == codes.DeadlineExceeded):
		return fmt.Errorf("%w\nis go run ./cmd/doorward dev running?", said)
	}
	return said
}
