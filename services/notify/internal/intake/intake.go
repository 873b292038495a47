package intake

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/seal"
	"github.com/doorward/doorward/services/notify/internal/alert"
	"github.com/doorward/doorward/services/notify/internal/flow"
)

// What notify reads: subjects to subscribe to, and the types that come on them.
const (
	SubjectNewDevice = "doorward.event.authn.signin.new_device"
	SubjectContained = "doorward.event.authn.session.contained"
	SubjectAbandoned = "doorward.event.authn.signin.abandoned"
	SubjectMail      = "doorward.mail.send"

	typeNewDevice = "authn.signin.new_device.v1"
	typeContained = "authn.session.contained.v1"
	typeAbandoned = "authn.signin.abandoned.v1"
	typeMail      = "mail.send.v1"
)

// errMalformed is in the error of a message that lacks what it must have.
var errMalformed = errors.New("the message is malformed")

// Config is what the intake hands messages to.
type Config struct {
	Alerts *flow.Alerts
	Mails  *flow.Mails
	// Opener holds the keys that mails are sealed to.
	Opener *seal.Opener
	Now    func() time.Time
}

// Intake handles messages.
type Intake struct {
	cfg Config
}

// New makes an intake.
func New(cfg Config) *Intake { return &Intake{cfg: cfg} }

var _ bus.Handler = (*Intake)(nil).Handle

// Handle handles one message. Its error is permanent where no repetition helps.
func (i *Intake) Handle(ctx context.Context, e bus.Event) error {
	err := i.route(ctx, e)
	if errors.Is(err, errMalformed) || errors.Is(err, flow.ErrFinal) {
		return bus.Permanent(err)
	}
	return err
}

func (i *Intake) route(ctx context.Context, e bus.Event) error {
	switch e.Type {
	case typeNewDevice:
		return i.newDevice(ctx, e)
	case typeContained:
		return i.contained(ctx, e)
	case typeAbandoned:
		return i.abandoned(ctx, e)
	case typeMail:
		return i.mail(ctx, e)
	}
	return fmt.Errorf("%w: notify doesn't read messages of its type", errMalformed)
}

func (i *Intake) newDevice(ctx context.Context, e bus.Event) error {
	var body eventv1.SignInNewDevice
	if err := decode(e, &body); err != nil {
		return err
	}
	at, err := moment("signed_in_at", body.GetSignedInAt())
	if err != nil {
		return err
	}
	if body.GetUserId() == "" || body.GetSessionId() == "" {
		return fmt.Errorf("%w: user_id or session_id is missing", errMalformed)
	}
	return i.cfg.Alerts.NewDevice(ctx, e.ID, alert.SignIn{
		UserID: body.GetUserId(), SessionID: body.GetSessionId(), DeviceID: body.GetDevice().GetId(),
		Browser: body.GetDevice().GetBrowser(), System: body.GetDevice().GetSystem(), DeviceKind: deviceKinds[body.GetDevice().GetKind()],
		CountryCode: body.GetPlace().GetCountryCode(), Country: body.GetPlace().GetCountryName(),
		IP: body.GetIp(), AMR: body.GetAmr(), At: at,
	})
}

func (i *Intake) contained(ctx context.Context, e bus.Event) error {
	var body eventv1.SessionContained
	if err := decode(e, &body); err != nil {
		return err
	}
	at, err := moment("contained_at", body.GetContainedAt())
	if err != nil {
		return err
	}
	signedIn, err := moment("signed_in_at", body.GetSignedInAt())
	if err != nil {
		return err
	}
	if body.GetUserId() == "" || body.GetSigninEventId() == "" {
		return fmt.Errorf("%w: user_id or signin_event_id is missing", errMalformed)
	}
	return i.cfg.Alerts.Contained(ctx, e.ID,
		alert.SignIn{UserID: body.GetUserId(), At: signedIn},
		alert.Containment{
			SignInEventID: body.GetSigninEventId(), At: at,
			Sessions: len(body.GetEndedSessionIds()), Devices: len(body.GetUntrustedDeviceIds()),
		})
}

// abandoned leaves out those of which the owner isn't told: authn knows why.
func (i *Intake) abandoned(ctx context.Context, e bus.Event) error {
	var body eventv1.SignInAbandoned
	if err := decode(e, &body); err != nil {
		return err
	}
	at, err := moment("proved_at", body.GetProvedAt())
	if err != nil {
		return err
	}
	if body.GetUserId() == "" {
		return fmt.Errorf("%w: user_id is missing", errMalformed)
	}
	if body.GetQuiet() {
		return nil
	}
	return i.cfg.Alerts.Abandoned(ctx, e.ID, alert.SignIn{
		UserID: body.GetUserId(), Browser: body.GetDevice().GetBrowser(), System: body.GetDevice().GetSystem(),
		DeviceKind:  deviceKinds[body.GetDevice().GetKind()],
		CountryCode: body.GetPlace().GetCountryCode(), Country: body.GetPlace().GetCountryName(), IP: body.GetIp(), At: at,
	})
}

var deviceKinds = map[typev1.DeviceKind]alert.DeviceKind{
	typev1.DeviceKind_DEVICE_KIND_DESKTOP: alert.Desktop,
	typev1.DeviceKind_DEVICE_KIND_PHONE:   alert.Phone,
	typev1.DeviceKind_DEVICE_KIND_TABLET:  alert.Tablet,
	typev1.DeviceKind_DEVICE_KIND_BOT:     alert.Bot,
}

// decode leaves the decoder's own words out: they may quote the body.
func decode(e bus.Event, body proto.Message) error {
	if proto.Unmarshal(e.Data, body) != nil {
		return fmt.Errorf("%w: the body isn't what its type says", errMalformed)
	}
	return nil
}

func moment(name string, t *timestamppb.Timestamp) (time.Time, error) {
	if t.CheckValid() != nil || t.AsTime().Unix() <= 0 {
		return time.Time{}, fmt.Errorf("%w: %s is missing or no time", errMalformed, name)
	}
	return t.AsTime(), nil
}
