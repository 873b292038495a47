package api

import (
	"google.golang.org/protobuf/types/known/timestamppb"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/services/authn/internal/attempt"
	"github.com/doorward/doorward/services/authn/internal/flow"
)

// The contract's words for the domain's. A test walks all of the contract's values.
var (
	purposeMessage = map[attempt.Purpose]authnv1.Purpose{
		attempt.SignUp: authnv1.Purpose_PURPOSE_SIGN_UP,
		attempt.SignIn: authnv1.Purpose_PURPOSE_SIGN_IN,
	}
	stepMessage = map[attempt.Step]authnv1.Step{
		attempt.FirstFactor:        authnv1.Step_STEP_FIRST_FACTOR,
		attempt.NewPassword:        authnv1.Step_STEP_NEW_PASSWORD,
		attempt.EmailVerification:  authnv1.Step_STEP_EMAIL_VERIFICATION,
		attempt.DeviceVerification: authnv1.Step_STEP_DEVICE_VERIFICATION,
		attempt.Done:               authnv1.Step_STEP_DONE,
		attempt.Refused:            authnv1.Step_STEP_REFUSED,
	}
	factorMessage = map[attempt.Factor]authnv1.Factor{
		attempt.Password:  authnv1.Factor_FACTOR_PASSWORD,
		attempt.EmailCode: authnv1.Factor_FACTOR_EMAIL_CODE,
	}
	factorOf = map[authnv1.Factor]attempt.Factor{
		authnv1.Factor_FACTOR_PASSWORD:   attempt.Password,
		authnv1.Factor_FACTOR_EMAIL_CODE: attempt.EmailCode,
	}
	outcomeMessage = map[attempt.Outcome]authnv1.Outcome{
		attempt.Accepted: authnv1.Outcome_OUTCOME_ACCEPTED,
		attempt.Wrong:    authnv1.Outcome_OUTCOME_WRONG,
		attempt.Expired:  authnv1.Outcome_OUTCOME_EXPIRED,
	}
	refusalMessage = map[attempt.Refusal]typev1.Reason{
		attempt.PasswordContained: typev1.Reason_REASON_PASSWORD_CONTAINED,
		attempt.AccountLocked:     typev1.Reason_REASON_ACCOUNT_LOCKED,
		attempt.AccountBanned:     typev1.Reason_REASON_ACCOUNT_BANNED,
		attempt.RiskRefused:       typev1.Reason_REASON_RISK_REFUSED,
		attempt.Over:              typev1.Reason_REASON_ATTEMPT_OVER,
		attempt.Restricted:        typev1.Reason_REASON_SIGN_UP_RESTRICTED,
	}
)

// attemptMessage is what the caller may see of an attempt: never whom it is about, until there is a grant.
func attemptMessage(p flow.Progress) *authnv1.Attempt {
	return &authnv1.Attempt{
		Id:         p.Attempt.ID,
		Purpose:    purposeMessage[p.Attempt.Purpose],
		Step:       stepMessage[p.Step],
		Options:    optionMessages(p.Step),
		LastAnswer: lastAnswerMessage(p.Answer),
		Grant:      grantMessage(p.Grant),
		Refusal:    refusalMessage[p.Refusal],
		ExpiresAt:  timestamppb.New(p.Attempt.ExpiresAt),
	}
}

func optionMessages(step attempt.Step) []*authnv1.Option {
	var options []*authnv1.Option
	for _, factor := range step.Factors() {
		options = append(options, &authnv1.Option{
			Factor:       factorMessage[factor],
			NeedsPrepare: factor == attempt.EmailCode,
		})
	}
	return options
}

func lastAnswerMessage(fared *flow.Fared) *authnv1.LastAnswer {
	if fared == nil {
		return nil
	}
	return &authnv1.LastAnswer{
		Factor:      factorMessage[fared.Factor],
		Outcome:     outcomeMessage[fared.Outcome],
		AnswersLeft: uint32(fared.AnswersLeft),
	}
}

// grantMessage shows the tokens, for the only time.
func grantMessage(g *flow.Grant) *authnv1.Grant {
	if g == nil {
		return nil
	}
	return &authnv1.Grant{
		UserId:                g.Session.UserID,
		SessionId:             g.Session.ID,
		SessionToken:          g.SessionToken.Reveal(),
		SessionTokenExpiresAt: timestamppb.New(g.ExpiresAt),
		RefreshToken:          g.RefreshToken.Reveal(),
		DeviceId:              g.Session.DeviceID,
		DeviceSecret:          g.DeviceSecret.Reveal(),
		SessionExpiresAt:      timestamppb.New(g.Session.ExpiresAt),
	}
}
