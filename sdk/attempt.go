package doorward

import (
	"context"
	"strings"
	"time"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
)

// Step is what an attempt needs next.
type Step = authnv1.Step

// The steps. UnknownStep is a resumed attempt's until its first answer.
const (
	UnknownStep        = authnv1.Step_STEP_UNSPECIFIED
	FirstFactor        = authnv1.Step_STEP_FIRST_FACTOR
	NewPassword        = authnv1.Step_STEP_NEW_PASSWORD
	EmailVerification  = authnv1.Step_STEP_EMAIL_VERIFICATION
	DeviceVerification = authnv1.Step_STEP_DEVICE_VERIFICATION
	Done               = authnv1.Step_STEP_DONE
	Refused            = authnv1.Step_STEP_REFUSED
)

// Outcome is how an answer fared.
type Outcome = authnv1.Outcome

// The outcomes. NoAnswer is before the first answer.
const (
	NoAnswer = authnv1.Outcome_OUTCOME_UNSPECIFIED
	Accepted = authnv1.Outcome_OUTCOME_ACCEPTED
	Wrong    = authnv1.Outcome_OUTCOME_WRONG
	Expired  = authnv1.Outcome_OUTCOME_EXPIRED
)

// LastAnswer is how the last answer fared.
type LastAnswer struct {
	Outcome Outcome
	// AnswersLeft is how many more wrong answers the attempt takes.
	AnswersLeft int
}

// Prompt says where the user finds the code.
type Prompt struct {
	// Destination is the masked address that the code went to.
	Destination string
	ValidFor    time.Duration
	// ResendAfter is when SendCode may be called again.
	ResendAfter time.Duration
}

// Attempt is one sign-in or sign-up on its way. It belongs to one goroutine at a time.
type Attempt struct {
	client *Client
	from   From
	id     string
	secret Secret
	state  *authnv1.Attempt
	prompt Prompt
}

// SignIn begins a sign-in. The answer is the same whether or not the account exists; the next step is FirstFactor.
func (c *Client) SignIn(ctx context.Context, email string, from From) (*Attempt, error) {
	answer, err := c.attempts.StartSignIn(ctx, &authnv1.StartSignInRequest{Client: from.proto(), Email: email})
	if err != nil {
		return nil, err
	}
	return c.begun(from, answer.GetAttempt(), answer.GetAttemptSecret()), nil
}

// SignUp begins the creation of an account. The next step is NewPassword, then EmailVerification.
func (c *Client) SignUp(ctx context.Context, email string, from From) (*Attempt, error) {
	return c.SignUpInvited(ctx, email, Secret{}, from)
}

// SignUpInvited is SignUp with the token of an invitation for this address. One that isn't good is an error where an invitation is needed, and changes
// nothing where none is.
func (c *Client) SignUpInvited(ctx context.Context, email string, invitation Secret, from From) (*Attempt, error) {
	answer, err := c.attempts.StartSignUp(ctx, &authnv1.StartSignUpRequest{Client: from.proto(), Email: email, Invitation: invitation.Reveal()})
	if err != nil {
		return nil, err
	}
	return c.begun(from, answer.GetAttempt(), answer.GetAttemptSecret()), nil
}

func (c *Client) begun(from From, state *authnv1.Attempt, secret string) *Attempt {
	return &Attempt{client: c, from: from, id: state.GetId(), secret: SecretOf(secret), state: state}
}

// Resume goes on with an attempt that began in an earlier request of the same browser. It asks nobody: Next is
// UnknownStep until the first answer, so the page that asks knows what it asks for.
func (c *Client) Resume(ticket Secret, from From) (*Attempt, error) {
	id, secret, ok := strings.Cut(ticket.Reveal(), ".")
	if !ok || id == "" || secret == "" {
		return nil, ErrBadTicket
	}
	return &Attempt{client: c, from: from, id: id, secret: SecretOf(secret)}, nil
}

// Ticket is what Resume needs. Whoever holds it, on the device where the attempt began, can go on with it.
func (a *Attempt) Ticket() Secret { return SecretOf(a.id + "." + a.secret.Reveal()) }

// Next says what the attempt needs now.
func (a *Attempt) Next() Step { return a.state.GetStep() }

// LastAnswer says how the last answer fared: this is where a wrong password or code shows.
func (a *Attempt) LastAnswer() LastAnswer {
	last := a.state.GetLastAnswer()
	return LastAnswer{Outcome: last.GetOutcome(), AnswersLeft: int(last.GetAnswersLeft())}
}

// Refusal says why the attempt may not go on, when Next is Refused.
func (a *Attempt) Refusal() typev1.Reason { return a.state.GetRefusal() }

// Prompt is where the code went that the last SendCode sent.
func (a *Attempt) Prompt() Prompt { return a.prompt }

// Grant holds the session's tokens. It is false until Next is Done.
func (a *Attempt) Grant() (Grant, bool) {
	if a.Next() != Done || a.state.GetGrant() == nil {
		return Grant{}, false
	}
	return grantOf(a.state.GetGrant()), true
}

// Password answers FirstFactor.
func (a *Attempt) Password(ctx context.Context, password string) error {
	return a.answer(ctx, &authnv1.ContinueRequest{Answer: &authnv1.ContinueRequest_Password{Password: password}})
}

// NewPassword answers NewPassword. One that breaks a rule is an error with the reason PASSWORD_UNACCEPTABLE, and
// Violations says which.
func (a *Attempt) NewPassword(ctx context.Context, password string) error {
	return a.answer(ctx, &authnv1.ContinueRequest{Answer: &authnv1.ContinueRequest_NewPassword{NewPassword: password}})
}

// Code answers EmailVerification and DeviceVerification with the six digits from the mail.
func (a *Attempt) Code(ctx context.Context, code string) error {
	return a.answer(ctx, &authnv1.ContinueRequest{Answer: &authnv1.ContinueRequest_Code{Code: code}})
}

// SendCode mails a code for EmailVerification or DeviceVerification. Too soon after another it fails with
// CODE_TOO_SOON, and RetryAfter says when.
func (a *Attempt) SendCode(ctx context.Context) error {
	if a.id == "" {
		return ErrNotStarted
	}
	answer, err := a.client.attempts.Prepare(ctx, &authnv1.PrepareRequest{
		AttemptId:     a.id,
		AttemptSecret: a.secret.Reveal(),
		Client:        a.from.proto(),
		Factor:        authnv1.Factor_FACTOR_EMAIL_CODE,
	})
	if err != nil {
		return err
	}
	a.state = answer.GetAttempt()
	a.prompt = Prompt{
		Destination: answer.GetPrompt().GetDestination(),
		ValidFor:    answer.GetPrompt().GetValidFor().AsDuration(),
		ResendAfter: answer.GetPrompt().GetResendAfter().AsDuration(),
	}
	return nil
}

func (a *Attempt) answer(ctx context.Context, request *authnv1.ContinueRequest) error {
	if a.id == "" {
		return ErrNotStarted
	}
	request.AttemptId, request.AttemptSecret, request.Client = a.id, a.secret.Reveal(), a.from.proto()
	answer, err := a.client.attempts.Continue(ctx, request)
	if err != nil {
		return err
	}
	a.state = answer.GetAttempt()
	return nil
}

// Refresh exchanges a refresh token, which is then used up, for the next pair. From must hold the device's secret.
// Asked again within 10 s on the same device it answers with the same pair's refresh token; later it ends the session.
func (c *Client) Refresh(ctx context.Context, refreshToken Secret, from From) (Tokens, error) {
	answer, err := c.sessions.RefreshSession(ctx, &authnv1.RefreshSessionRequest{
		Client:       from.proto(),
		RefreshToken: refreshToken.Reveal(),
	})
	if err != nil {
		return Tokens{}, err
	}
	return Tokens{
		SessionToken:          SecretOf(answer.GetSessionToken()),
		SessionTokenExpiresAt: answer.GetSessionTokenExpiresAt().AsTime(),
		RefreshToken:          SecretOf(answer.GetRefreshToken()),
	}, nil
}
