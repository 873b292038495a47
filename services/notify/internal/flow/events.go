package flow

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	"github.com/doorward/doorward/internal/id"
	"github.com/doorward/doorward/internal/outbox"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/notify/internal/alert"
	"github.com/doorward/doorward/services/notify/internal/store"
)

// What notify publishes.
const (
	source = "notify"

	subjectSettled = "doorward.event.notify.delivery.settled"
	typeSettled    = "notify.delivery.settled.v1"
	subjectContain = "doorward.command.session.contain"
	typeContain    = "command.session.contain.v1"
)

// appendRow puts an event into the outbox. key is the user whose events must stay in order, or empty.
func appendRow(tx store.Tx, subject, eventType, key string, at time.Time, body proto.Message) error {
	data, err := proto.Marshal(body)
	if err != nil {
		return fmt.Errorf("encode %s: %w", eventType, err)
	}
	return tx.Outbox.Append(outbox.Row{
		ID: id.New("evt", at), Subject: subject, Type: eventType, Source: source, Key: key, Time: at, Data: data,
	})
}

// tellSettled tells the world how a delivery ended. It names no address.
func tellSettled(tx store.Tx, d alert.Delivery) error {
	return appendRow(tx, subjectSettled, typeSettled, "", d.ChangedAt, &eventv1.DeliverySettled{
		DeliveryId: d.ID,
		EventId:    d.EventID,
		Kind:       string(d.Kind),
		State:      string(d.State),
		SettledAt:  timestamppb.New(d.ChangedAt),
	})
}

// command asks authn to contain the sign-in that the delivery alerted of. Its row is the one place where a token is stored, for as long as
// the outbox keeps it.
func command(tx store.Tx, d alert.Delivery, token secret.Text, ip string) error {
	return appendRow(tx, subjectContain, typeContain, d.SignIn.UserID, d.ConfirmedAt, &eventv1.ContainSession{
		SigninEventId: d.EventID,
		Email:         d.Email,
		ContainToken:  token.Reveal(),
		DeliveryId:    d.ID,
		Ip:            ip,
		ConfirmedAt:   timestamppb.New(d.ConfirmedAt),
	})
}
