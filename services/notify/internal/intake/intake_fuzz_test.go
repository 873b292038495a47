package intake_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/seal"
	"github.com/doorward/doorward/services/notify/internal/flow"
	"github.com/doorward/doorward/services/notify/internal/intake"
	"github.com/doorward/doorward/services/notify/internal/store"
	"github.com/doorward/doorward/services/notify/internal/template"
	"github.com/doorward/doorward/services/notify/internal/tuning"
)

// errReached is how a flow of these fuzzers ends: at the store, with a message that the intake took for whole.
var errReached = errors.New("the store was reached")

type closedStore struct{}

func (closedStore) View(context.Context, func(store.Tx) error) error   { return errReached }
func (closedStore) Update(context.Context, func(store.Tx) error) error { return errReached }

var fuzzNow = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// fuzzIntake is an intake of one fixed key, whose flows end at the store.
func fuzzIntake(f *testing.F) (*intake.Intake, seal.Recipient) {
	f.Helper()
	key := filepath.Join(f.TempDir(), "mail.key")
	const block = "-----BEGIN DOORWARD SEALING PRIVATE KEY-----\nAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=\n-----END DOORWARD SEALING PRIVATE KEY-----\n"
	if err := os.WriteFile(key, []byte(block), 0o600); err != nil {
		f.Fatal(err)
	}
	opener, err := seal.LoadOpener(key)
	if err != nil {
		f.Fatal(err)
	}
	templates, err := template.New()
	if err != nil {
		f.Fatal(err)
	}
	deps := flow.Deps{
		Store: closedStore{}, Templates: templates, Product: "Notes", PortalURL: "https://id.example.com",
		Policy: func(context.Context) tuning.Policy { return tuning.Default() },
		Now:    func() time.Time { return fuzzNow }, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	return intake.New(intake.Config{
		Alerts: flow.NewAlerts(deps, func() {}), Mails: flow.NewMails(deps), Opener: opener, Now: deps.Now,
	}), opener.Recipient()
}

func body(t testing.TB, m proto.Message) []byte {
	t.Helper()
	data, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// FuzzHandle gives the intake whatever a stream may hold. What isn't whole is final and gets no further, what is reaches the store, and no error
// quotes the body: it names people.
func FuzzHandle(f *testing.F) {
	i, _ := fuzzIntake(f)
	now := timestamppb.New(fuzzNow)
	subjects := []string{intake.SubjectNewDevice, intake.SubjectContained, intake.SubjectMail, "doorward.event.authn.user.signed_up", intake.SubjectAbandoned}
	f.Add(uint8(0), body(f, &eventv1.SignInNewDevice{UserId: "usr_1", SessionId: "ses_1", SignedInAt: now, Ip: "ann@example.com", Amr: []string{"pwd"}}))
	f.Add(uint8(1), body(f, &eventv1.SessionContained{UserId: "usr_1", SigninEventId: "evt_0", ContainedAt: now, SignedInAt: now}))
	f.Add(uint8(1), body(f, &eventv1.SessionContained{UserId: "usr_1", SigninEventId: "evt_0", ContainedAt: now, SignedInAt: &timestamppb.Timestamp{Seconds: 1 << 60}}))
	f.Add(uint8(2), body(f, &eventv1.SealedMail{Email: "ann@example.com", Purpose: 1, ExpiresAt: now, KeyId: "0"}))
	f.Add(uint8(2), []byte("\xff\xff"))
	f.Add(uint8(3), []byte{})
	f.Add(uint8(4), body(f, &eventv1.SignInAbandoned{UserId: "usr_1", ProvedAt: now, Ip: "ann@example.com"}))
	f.Add(uint8(4), body(f, &eventv1.SignInAbandoned{UserId: "usr_1", ProvedAt: now, Quiet: true}))
	f.Fuzz(func(t *testing.T, kind uint8, data []byte) {
		e := event(subjects[int(kind)%len(subjects)], data)
		err := i.Handle(t.Context(), e)
		var tried eventv1.SignInAbandoned
		if e.Subject == intake.SubjectAbandoned && err == nil && proto.Unmarshal(data, &tried) == nil && tried.GetQuiet() {
			return // nobody is told
		}
		reached := errors.Is(err, errReached)
		if err == nil || reached == bus.IsPermanent(err) || strings.Contains(err.Error(), "example.com") {
			t.Fatalf("Handle = %v, want the store's error, or a final one that quotes nothing", err)
		}
		if e.Subject == intake.SubjectMail && reached {
			t.Error("a mail was taken that nobody sealed") // the engine can't
		}
		var alert eventv1.SignInNewDevice
		if e.Subject == intake.SubjectNewDevice && reached &&
			(proto.Unmarshal(data, &alert) != nil || alert.GetUserId() == "" || alert.GetSessionId() == "" || !alert.GetSignedInAt().IsValid()) {
			t.Errorf("half a sign-in was taken: %x", data)
		}
	})
}

// FuzzSealedMail seals whatever content the engine thinks of, and then spoils the envelope, bit by bit, or says something else beside it. Content that
// makes no mail is final, so is an envelope that isn't as it was sealed, and no error shows the code or the address.
func FuzzSealedMail(f *testing.F) {
	i, to := fuzzIntake(f)
	content := body(f, &eventv1.MailContent{
		Code: "048213", Language: "pt-BR", Ip: "192.0.2.1", RequestedAt: timestamppb.New(fuzzNow),
		Device: &typev1.Device{Browser: "Firefox 146", System: "Linux", Kind: typev1.DeviceKind_DEVICE_KIND_DESKTOP},
	})
	f.Add(content, "ann@example.com", "", int32(1), int64(600), []byte{})
	f.Add(content, "ann@example.com", "eve@example.com", int32(1), int64(600), []byte{})
	f.Add(content, "ann@example.com", "", int32(4), int64(-1), []byte{})
	f.Add(content[:3], "ann@example.com", "", int32(2), int64(600), []byte{1})
	f.Add(body(f, &eventv1.MailContent{Code: "04821x"}), "\u200b", "", int32(3), int64(600), []byte{})
	f.Fuzz(func(t *testing.T, content []byte, email, claimed string, purpose int32, seconds int64, mask []byte) {
		expires := fuzzNow.Add(time.Duration(seconds%86400) * time.Second)
		kind := eventv1.MailPurpose(purpose)
		e, err := seal.Seal(to, seal.AAD{MessageID: "evt_1", Recipient: email, Purpose: kind.String(), Expires: expires}, content)
		if err != nil {
			return // nobody seals to no address
		}
		spoilt := claimed != "" && claimed != email
		for at, bits := range mask[:min(len(mask), len(e.Ciphertext))] {
			e.Ciphertext[at] ^= bits
			spoilt = spoilt || bits != 0
		}
		if claimed == "" {
			claimed = email
		}
		data, err := proto.Marshal(&eventv1.SealedMail{
			Email: claimed, Purpose: kind, ExpiresAt: timestamppb.New(expires), KeyId: e.KeyID, EncapsulatedKey: e.Enc, Ciphertext: e.Ciphertext,
		})
		if err != nil {
			return // an address that isn't UTF-8 can't be sent
		}
		err = i.Handle(t.Context(), event(intake.SubjectMail, data))
		reached := errors.Is(err, errReached)
		if err == nil || reached == bus.IsPermanent(err) || strings.Contains(err.Error(), "048213") || strings.Contains(err.Error(), "@example.com") {
			t.Fatalf("Handle = %v, want the store's error, or a final one that quotes nothing", err)
		}
		if reached && spoilt {
			t.Error("a mail was taken that isn't as it was sealed")
		}
	})
}
