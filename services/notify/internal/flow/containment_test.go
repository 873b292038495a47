package flow_test

import (
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/audit"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/notify/internal/alert"
	"github.com/doorward/doorward/services/notify/internal/flow"
	"github.com/doorward/doorward/services/notify/internal/store"
)

var owner = netip.MustParseAddr("198.51.100.4")

// link queues an alert and returns what its mail's link carries.
func (w *world) link(eventID string) flow.Link {
	w.Helper()
	to := w.alerted(eventID)
	return flow.Link{DeliveryID: w.of(eventID).ID, Token: to.ContainToken}
}

func TestDescribingChangesNothing(t *testing.T) {
	w := newWorld(t)
	link := w.link("evt_1")
	before, rows := w.only(), len(w.published())
	f := flow.NewContainments(w.Deps)
	for range 3 {
		got, err := f.Describe(t.Context(), link)
		w.must(err)
		if diff := cmp.Diff(before, got); diff != "" {
			t.Errorf("described (-stored +got):\n%s", diff)
		}
	}
	if diff := cmp.Diff(before, w.only()); diff != "" || len(w.published()) != rows {
		t.Errorf("describing changed the delivery or published:\n%s", diff)
	}
}

func TestConfirmingTwiceCommandsOnce(t *testing.T) {
	w := newWorld(t)
	link := w.link("evt_1")
	f := flow.NewContainments(w.Deps)
	first, err := f.Confirm(t.Context(), link, owner)
	w.must(err)
	w.clock.advance(time.Hour)
	second, err := f.Confirm(t.Context(), link, netip.Addr{})
	w.must(err)
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("a repeat answers otherwise (-first +second):\n%s", diff)
	}
	commands := w.commands()
	if len(commands) != 1 {
		t.Fatalf("%d commands, want 1", len(commands))
	}
	c := commands[0]
	if c.GetSigninEventId() != "evt_1" || c.GetEmail() != "ann@example.com" || c.GetContainToken() != link.Token.Reveal() ||
		c.GetDeliveryId() != link.DeliveryID || c.GetIp() != owner.String() || !c.GetConfirmedAt().AsTime().Equal(noon) {
		t.Error("the command isn't the answer that was given")
	}
	w.wantAudit("containment.confirm done usr_1 ses_1")
	w.absent(link.Token.Reveal(), "ann@example.com")
}

// wantAudit compares the audit log, one line a record, in the order in which they were written.
func (w *world) wantAudit(want ...string) {
	w.Helper()
	var got []string
	w.must(w.Store.View(w.Context(), func(tx store.Tx) error {
		records, err := tx.Audit.(audit.Reader).List(audit.Page{})
		slices.SortFunc(records, func(a, b audit.Record) int { return int(a.Sequence) - int(b.Sequence) })
		for _, r := range records {
			got = append(got, r.Action+" "+string(r.Outcome)+" "+r.Actor.ID+" "+r.Target.ID)
		}
		return err
	}))
	if diff := cmp.Diff(want, got); diff != "" {
		w.Errorf("audit (-want +got):\n%s", diff)
	}
}

func TestRacingConfirmationsCommandOnce(t *testing.T) {
	w := newWorld(t)
	link := w.link("evt_1")
	f := flow.NewContainments(w.Deps)
	var all sync.WaitGroup
	for range 32 {
		all.Go(func() {
			if _, err := f.Confirm(t.Context(), link, owner); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if got := len(w.commands()); got != 1 {
		t.Errorf("%d commands, want 1", got)
	}
}

// TestForeignLinksAreRefusedAlike has every link that isn't one, with the same answer no sooner than the same moment.
func TestForeignLinksAreRefusedAlike(t *testing.T) {
	w := newWorld(t)
	link := w.link("evt_1")
	other := w.link("evt_2")
	tampered := []byte(link.Token.Reveal())
	tampered[len(tampered)-1] ^= 1
	w.authn.answers(nil, flow.Recipient{Email: "new@example.com"})
	w.must(flow.NewAlerts(w.Deps, nobody).NewDevice(t.Context(), "evt_3", signIn()))
	unlinked, digest := w.of("evt_3"), w.of("evt_1").Token
	f := flow.NewContainments(w.Deps)
	for name, l := range map[string]flow.Link{
		"a tampered token":            {DeliveryID: link.DeliveryID, Token: secret.Wrap(string(tampered))},
		"the token of another":        {DeliveryID: link.DeliveryID, Token: other.Token},
		"an unknown delivery":         {DeliveryID: "dlv_unknown", Token: link.Token},
		"no token":                    {DeliveryID: link.DeliveryID},
		"no delivery":                 {Token: link.Token},
		"a delivery without a link":   {DeliveryID: unlinked.ID, Token: link.Token},
		"neither, for that delivery":  {DeliveryID: unlinked.ID},
		"a digest in place of itself": {DeliveryID: link.DeliveryID, Token: secret.Wrap(string(digest[:]))},
	} {
		for call, do := range map[string]func() error{
			"describe": func() error { _, err := f.Describe(t.Context(), l); return err },
			"confirm":  func() error { _, err := f.Confirm(t.Context(), l, owner); return err },
		} {
			began := time.Now()
			err := do()
			took := time.Since(began)
			answer, _ := fault.As(err)
			if fault.KindOf(err) != fault.Invalid || fault.ReasonOf(err) != typev1.Reason_REASON_CONTAIN_TOKEN_INVALID {
				t.Errorf("%s, %s: %v", call, name, err)
			} else if len(answer.Metadata) > 0 || len(answer.Fields) > 0 {
				t.Errorf("%s, %s: the answer tells more than the others", call, name)
			}
			if took < 20*time.Millisecond {
				t.Errorf("%s, %s: refused after %v, before its moment", call, name, took)
			}
		}
	}
	for _, d := range w.deliveries() {
		if !d.ConfirmedAt.IsZero() {
			t.Error("a refused answer was taken")
		}
	}
	if len(w.commands()) != 0 {
		t.Error("a refused answer commands")
	}
	w.wantAudit()
}

func TestALinkAnswersWhateverBecameOfItsMail(t *testing.T) {
	w := newWorld(t)
	link := w.link("evt_1")
	// The server took the mail and its answer was lost: the owner reads it while we believe it on its way.
	w.update(func(tx store.Tx) error {
		d := w.read(tx, link.DeliveryID)
		d.Begin(noon)
		return tx.Deliveries.Put(d)
	})
	_, err := flow.NewContainments(w.Deps).Confirm(t.Context(), link, owner)
	w.must(err)
	if d := w.only(); d.State != alert.Sending || d.ConfirmedAt.IsZero() {
		t.Errorf("%s, confirmed %v", d.State, d.ConfirmedAt)
	}
}

func (w *world) read(tx store.Tx, id string) alert.Delivery {
	d, found, err := tx.Deliveries.Get(id)
	if err != nil || !found {
		w.Errorf("delivery %s: %v", id, err)
	}
	return d
}
