package flow

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/doorward/doorward/internal/id"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/account"
	"github.com/doorward/doorward/services/authn/internal/attempt"
	"github.com/doorward/doorward/services/authn/internal/device"
	"github.com/doorward/doorward/services/authn/internal/restriction"
	"github.com/doorward/doorward/services/authn/internal/store"
	"github.com/doorward/doorward/services/authn/internal/tuning"
)

// Attempts walks sign-ups and sign-ins from their start to a grant.
type Attempts struct {
	Deps

	strain *strain
}

// NewAttempts puts the use cases together.
func NewAttempts(d Deps) *Attempts { return &Attempts{Deps: d, strain: newStrain(d.Logger, d.Now)} }

// Progress is an attempt after a call.
type Progress struct {
	Attempt attempt.Attempt
	Step    attempt.Step
	Refusal attempt.Refusal
	// Answer says how the answer of this call fared; nil when the call carried none.
	Answer *Fared
	// Grant is there once, when the step is Done.
	Grant *Grant

	// restrictedBy is the rule behind the refusal Restricted.
	restrictedBy restriction.Rule
}

// Fared is how an answer fared.
type Fared struct {
	Factor      attempt.Factor
	Outcome     attempt.Outcome
	AnswersLeft int
}

// Started is a new attempt, with the secret that its holder must present.
type Started struct {
	Progress
	Secret secret.Text
}

// StartSignUp begins the creation of an account, with the token of an invitation where there is one. Unless the policy has the truth told, a taken address gets
// the same answer; the attempt then leads nowhere.
func (f *Attempts) StartSignUp(ctx context.Context, applicationID string, client Client, address string, invited secret.Text) (Started, error) {
	return f.start(ctx, attempt.SignUp, applicationID, client, address, invited)
}

// StartSignIn begins a sign-in, for an identifier that may belong to nobody, unless the policy has that told.
func (f *Attempts) StartSignIn(ctx context.Context, applicationID string, client Client, address string) (Started, error) {
	return f.start(ctx, attempt.SignIn, applicationID, client, address, secret.Text{})
}

func (f *Attempts) start(ctx context.Context, purpose attempt.Purpose, applicationID string, client Client, address string, invited secret.Text) (_ Started, err error) {
	defer func() { f.Metrics.started(purpose, err) }()
	now, rules := f.Now(), f.Policy(ctx)
	from := Ticket{ApplicationID: applicationID, Client: client}
	canonical, ok := account.Canonical(address)
	if !ok {
		return Started{}, f.inVain(methodStart, from, purpose, rules.RateNetworkStarts, errEmail)
	}
	if err := f.paceStart(ctx, purpose, from, canonical, rules, now); err != nil {
		return Started{}, fmt.Errorf("start attempt: %w", err)
	}
	held := secret.New("ats")
	begun := attempt.Attempt{
		ID:         id.New("att", now),
		Purpose:    purpose,
		Secret:     secret.Hash(held),
		Binding:    client.binding(applicationID),
		Address:    address,
		Canonical:  canonical,
		AccountKey: f.Secrets.AccountKey(canonical),
		CreatedAt:  now,
		ExpiresAt:  now.Add(rules.AttemptLifetime),
		Origin:     client.origin(),
	}
	var entrance door
	if purpose == attempt.SignUp {
		if entrance, err = f.admit(ctx, client, &begun, invited, rules); err != nil {
			return Started{}, err
		}
	}
	var made Progress
	var told error
	err = f.Store.Update(ctx, func(tx store.Tx) error {
		a := begun
		if err := f.findSubject(tx, &a, entrance, now); err != nil {
			return err
		}
		var err error
		if told = disclosed(a, rules); told == nil {
			made, err = f.keep(tx, a, rules, now)
		}
		return err
	})
	if err = cmp.Or(err, told); err != nil {
		return Started{}, fmt.Errorf("start attempt: %w", err)
	}
	return Started{Progress: made, Secret: held}, nil
}

// keep makes a new attempt one of its identifier's.
func (f *Attempts) keep(tx store.Tx, a attempt.Attempt, rules tuning.Policy, now time.Time) (Progress, error) {
	if err := f.makeRoom(tx, a, rules, now); err != nil {
		return Progress{}, err
	}
	if err := tx.Attempts.Put(a); err != nil {
		return Progress{}, err
	}
	made, _, err := f.look(tx, a, rules, now)
	return made, err
}

// disclosed is the truth about an identifier, where the policy has it told. It comes after everything that keeps it from being asked of many.
func disclosed(a attempt.Attempt, rules tuning.Policy) error {
	switch known := a.UserID != ""; {
	case !rules.EnumerationMode.Discloses():
	case a.Purpose == attempt.SignUp && known:
		return errEmailTaken
	case a.Purpose == attempt.SignIn && !known:
		return errIdentifierUnknown
	}
	return nil
}

// admit asks whether a sign-up may begin. It spends a hash and a mail on somebody who has proved nothing, so the restrictions, the challenge and risk's
// gate come first, and none of them knows whether there is an account.
func (f *Attempts) admit(ctx context.Context, client Client, a *attempt.Attempt, invited secret.Text, rules tuning.Policy) (door, error) {
	entrance, err := f.door(ctx, rules)
	if err != nil {
		return door{}, err
	}
	held, err := f.passOf(ctx, invited)
	if err != nil {
		return door{}, err
	}
	a.InvitationID = held.ID
	if judgement := entrance.judge(*a, held, a.CreatedAt); !judgement.Allowed {
		f.Refusals.tell(ctx, *a, judgement)
		return door{}, errRestricted
	}
	return entrance, f.gateSignUp(ctx, client, a, rules)
}

// findSubject sets whom the attempt is about, if anybody, and which of their devices it comes from. A sign-up is also about whoever has its
// mailbox, where each may have but one account: that is an address that is taken. What is read is the same whether there is anybody.
func (f *Attempts) findSubject(tx store.Tx, a *attempt.Attempt, entrance door, now time.Time) error {
	var err error
	if a.UserID, _, err = tx.Users.OwnerOf(a.Canonical); err != nil {
		return err
	}
	if a.Purpose == attempt.SignUp {
		holder, held, err := entrance.holder(tx, *a)
		if err != nil {
			return err
		}
		if held && a.UserID == "" {
			a.UserID = holder.ID
		}
	}
	return f.findDevice(tx, a, now)
}

// findDevice sets which of its user's devices the attempt comes from.
func (f *Attempts) findDevice(tx store.Tx, a *attempt.Attempt, now time.Time) error {
	if a.Binding.Device.IsZero() {
		return nil
	}
	d, found, err := tx.Devices.BySecret(a.Binding.Device)
	if err != nil || !found || d.UserID != a.UserID {
		return err
	}
	switch d.Recognise(a.Binding.Device, now) {
	case device.Known, device.Lapsed:
		a.DeviceID = d.ID
	case device.Copied:
		// Two parties hold this device's secret, and which of them is asking can't be told.
		d.Untrust(now)
		f.Logger.Warn("replaced device secret presented; device untrusted",
			slog.String("user_id", d.UserID), slog.String("device_id", d.ID))
		return tx.Devices.Put(d)
	case device.Stranger:
	}
	return nil
}

// makeRoom ends the oldest of an identifier's attempts when there are too many, so that unfinished ones can't pile up. Strangers' count apart from those that
// come from a device of the owner's or have proved something: strangers push out each other alone, and none sees by his own that an owner has any.
func (f *Attempts) makeRoom(tx store.Tx, next attempt.Attempt, rules tuning.Policy, now time.Time) error {
	// A stranger's becomes one of the others with its proof, so that of these there may be twice as many for a while.
	unfinished, err := tx.Attempts.OfIdentifier(next.AccountKey, 3*rules.AttemptsPerIdentifier)
	if err != nil {
		return err
	}
	var strangers, others []attempt.Attempt
	for _, a := range append(unfinished, next) {
		if a.DeviceID == "" && !a.Proven() {
			strangers = append(strangers, a)
		} else {
			others = append(others, a)
		}
	}
	for _, kept := range [][]attempt.Attempt{strangers, others} {
		if len(kept) > rules.AttemptsPerIdentifier {
			if err := discard(tx, kept[0], now); err != nil {
				return err
			}
		}
	}
	return nil
}

// look reads the facts anew and says where the attempt stands, and which user it is about (zero when unknown).
func (f *Attempts) look(tx store.Tx, a attempt.Attempt, rules tuning.Policy, now time.Time) (Progress, account.User, error) {
	facts, user, err := f.facts(tx, a, rules, now)
	if err != nil {
		return Progress{}, account.User{}, err
	}
	step, refusal := attempt.Next(a.Purpose, a.Proofs, facts)
	return Progress{Attempt: a, Step: step, Refusal: refusal}, user, nil
}

// facts reads what a decision on the attempt must know, and which user it is about (zero when unknown).
func (f *Attempts) facts(tx store.Tx, a attempt.Attempt, rules tuning.Policy, now time.Time) (attempt.Facts, account.User, error) {
	facts := attempt.Facts{Over: a.AnswersLeft(rules.AttemptAnswers) == 0}
	if a.Assessment != nil {
		facts.Verdict = a.Assessment.Verdict
	}
	var user account.User
	if a.Purpose == attempt.SignIn {
		var found bool
		var err error
		if user, found, err = tx.Users.Get(a.UserID); err != nil { // for nobody's too
			return attempt.Facts{}, account.User{}, err
		}
		// What befalls an account ends what was proved of it before. Who has proved nothing mustn't see that there is an account that anything befalls.
		facts.Over = facts.Over || (a.Proven() && (!found || user.Epoch != a.Epoch))
		facts.Contained, facts.Compromised = user.Password.Contained(), user.Password.Compromised()
		facts.Locked, facts.Banned = user.Locked(now), user.Banned()
		if facts.KnownDevice, err = knownDevice(tx, a, now); err != nil {
			return attempt.Facts{}, account.User{}, err
		}
	}
	return facts, user, nil
}

// knownDevice says whether the attempt comes from a device that is, at this moment, known for its user.
func knownDevice(tx store.Tx, a attempt.Attempt, now time.Time) (bool, error) {
	if a.DeviceID == "" {
		return false, nil
	}
	d, found, err := tx.Devices.Get(a.DeviceID)
	if err != nil || !found || d.UserID != a.UserID {
		return false, err
	}
	return d.Recognise(a.Binding.Device, now) == device.Known, nil
}

// Ticket is what continues an attempt: its id and secret, and from where.
type Ticket struct {
	AttemptID     string
	Secret        secret.Text
	ApplicationID string
	Client        Client
}

// open finds the live attempt that a ticket is for. A wrong secret and an unknown id can't be told apart.
func open(tx store.Tx, t Ticket, now time.Time) (attempt.Attempt, error) {
	a, found, err := tx.Attempts.Get(t.AttemptID)
	switch {
	case err != nil:
		return attempt.Attempt{}, err
	case !found, !a.Secret.Matches(t.Secret), !a.Live(now):
		return attempt.Attempt{}, errAttemptNotFound
	case !a.Binding.Matches(t.Client.binding(t.ApplicationID)):
		return attempt.Attempt{}, errAttemptElsewhere
	}
	return a, nil
}

// state is what stands before an answer is looked at.
type state struct {
	Progress
	user  account.User
	known bool
}

// stand finds the attempt and where it stands, and changes nothing.
func (f *Attempts) stand(ctx context.Context, t Ticket, rules tuning.Policy, now time.Time) (state, error) {
	var s state
	err := f.Store.View(ctx, func(tx store.Tx) error {
		a, err := open(tx, t, now)
		if err != nil {
			return err
		}
		if s.Progress, s.user, err = f.look(tx, a, rules, now); err != nil {
			return err
		}
		s.known, err = knownDevice(tx, a, now)
		return err
	})
	return s, err
}
