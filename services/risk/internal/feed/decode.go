package feed

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/services/risk/internal/flow"
	"github.com/doorward/doorward/services/risk/internal/history"
)

// errMalformed is in the error of an event that says what no event can. Errors name fields and don't quote them.
var errMalformed = errors.New("feed: malformed event")

const (
	accountKeyLen = 32
	// maxID bounds the ids that are kept in memory and in histories.
	maxID = 64
)

// signedIn reads a SignInSucceeded.
func signedIn(e bus.Event) (flow.SignedIn, error) {
	var body eventv1.SignInSucceeded
	if err := proto.Unmarshal(e.Data, &body); err != nil {
		return flow.SignedIn{}, fmt.Errorf("%w: body: %w", errMalformed, err)
	}
	ip, errIP := address(body.GetIp())
	at, errAt := moment(body.GetSignedInAt())
	err := errors.Join(errIP, errAt,
		owner(e, body.GetUserId()),
		field("session_id", validID(body.GetSessionId())),
		field("account_key", len(body.GetAccountKey()) == accountKeyLen),
		field("decision_id", len(body.GetDecisionId()) <= maxID),
	)
	if err != nil {
		return flow.SignedIn{}, fmt.Errorf("%w: %w", errMalformed, err)
	}
	return flow.SignedIn{
		EventID: e.ID, UserID: e.User, UserVersion: e.UserVersion, SessionID: body.GetSessionId(), At: at, IP: ip,
		Account: history.Account(body.GetAccountKey()), DecisionID: body.GetDecisionId(),
	}, nil
}

// contained reads a SessionContained.
func contained(e bus.Event) (flow.Containment, error) {
	var body eventv1.SessionContained
	if err := proto.Unmarshal(e.Data, &body); err != nil {
		return flow.Containment{}, fmt.Errorf("%w: body: %w", errMalformed, err)
	}
	signedInAt, errSignedIn := moment(body.GetSignedInAt())
	at, errAt := moment(body.GetContainedAt())
	if err := errors.Join(errSignedIn, errAt, owner(e, body.GetUserId())); err != nil {
		return flow.Containment{}, fmt.Errorf("%w: %w", errMalformed, err)
	}
	return flow.Containment{UserID: e.User, SessionIDs: body.GetEndedSessionIds(), SignedInAt: signedInAt, At: at}, nil
}

// failed reads a SignInFailed. A failure that no decision belongs to, because risk was down or the answer was a code, is known by its event.
func failed(e bus.Event) (history.Try, time.Time, error) {
	var body eventv1.SignInFailed
	if err := proto.Unmarshal(e.Data, &body); err != nil {
		return history.Try{}, time.Time{}, fmt.Errorf("%w: body: %w", errMalformed, err)
	}
	ip, errIP := address(body.GetIp())
	at, errAt := moment(body.GetFailedAt())
	err := errors.Join(errIP, errAt,
		field("account_key", len(body.GetAccountKey()) == accountKeyLen),
		field("decision_id", len(body.GetDecisionId()) <= maxID),
	)
	if err != nil {
		return history.Try{}, time.Time{}, fmt.Errorf("%w: %w", errMalformed, err)
	}
	ref := body.GetDecisionId()
	if ref == "" {
		ref = e.ID
	}
	return history.Try{Ref: ref, IP: ip, Account: history.Account(body.GetAccountKey()), Known: body.GetKnownDevice()}, at, nil
}

// owner checks that envelope and body speak of the same user, at a version.
func owner(e bus.Event, userID string) error {
	return errors.Join(
		field("user_id", validID(userID) && userID == e.User),
		field("ce-userversion", e.UserVersion > 0),
	)
}

func address(text string) (netip.Addr, error) {
	ip, err := netip.ParseAddr(text)
	return ip.Unmap().WithZone(""), field("ip", err == nil)
}

func moment(at *timestamppb.Timestamp) (time.Time, error) {
	return at.AsTime(), field("time", at != nil && at.CheckValid() == nil)
}

func validID(s string) bool { return s != "" && len(s) <= maxID }

func field(name string, valid bool) error {
	if valid {
		return nil
	}
	return errors.New(name + " is missing or invalid")
}
