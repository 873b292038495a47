package flow

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	"github.com/doorward/doorward/internal/id"
	"github.com/doorward/doorward/internal/outbox"
	"github.com/doorward/doorward/internal/seal"
)

// envelope is what stands outside a mail's seal, and is bound to it.
type envelope struct {
	to      string
	expires time.Time
	purpose eventv1.MailPurpose
}

// contentLength is what every mail's content is padded to: longer than any, so that a sealed mail's size tells nothing.
const contentLength = 1024

// sealMail seals a mail's content to notify, bound to id, recipient, purpose and expiry: work that must not be done inside a transaction.
func (d *Deps) sealMail(e envelope, content *eventv1.MailContent, now time.Time) (outbox.Row, error) {
	plain, err := padded(content)
	if err != nil {
		return outbox.Row{}, err
	}
	messageID := id.New("evt", now)
	sealed, err := d.Mails(seal.AAD{
		MessageID: messageID,
		Recipient: e.to,
		Purpose:   e.purpose.String(),
		Expires:   e.expires,
	}, plain)
	if err != nil {
		return outbox.Row{}, err
	}
	data, err := proto.Marshal(&eventv1.SealedMail{
		Email:           e.to,
		Purpose:         e.purpose,
		ExpiresAt:       timestamppb.New(e.expires),
		KeyId:           sealed.KeyID,
		EncapsulatedKey: sealed.Enc,
		Ciphertext:      sealed.Ciphertext,
	})
	if err != nil {
		return outbox.Row{}, fmt.Errorf("encode sealed mail: %w", err)
	}
	return outbox.Row{ID: messageID, Subject: subjectMail, Type: typeMail, Source: source, Time: now, Data: data}, nil
}

// padded encodes the content at contentLength bytes.
func padded(content *eventv1.MailContent) ([]byte, error) {
	const overhead = 3 // the padding's own tag and length
	bare := proto.Size(content)
	if bare+overhead > contentLength {
		return nil, fmt.Errorf("mail content has %d bytes: more than %d", bare, contentLength-overhead)
	}
	content.Padding = make([]byte, contentLength-bare-overhead)
	for proto.Size(content) > contentLength {
		content.Padding = content.Padding[1:]
	}
	return proto.Marshal(content)
}
