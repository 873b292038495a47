package seal

import (
	"bytes"
	"crypto/hpke"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"
)

var (
	// ErrIncomplete says that the AAD lacks a field; a message isn't bound to what isn't named.
	ErrIncomplete = errors.New("seal: message id, recipient, purpose and expiry are all required")
	// ErrUnknownKey says that the message is for a key that this opener doesn't hold.
	ErrUnknownKey = errors.New("seal: the message is sealed to a key that is not here; put the old keys/mail/<n>.key back and restart notify, then replay it")
	// ErrOpen says that the message or its AAD isn't as it was sealed. It doesn't say which.
	ErrOpen = errors.New("seal: the message doesn't open with this key and AAD")
	// ErrExpired says that the message is genuine but too old to be used.
	ErrExpired = errors.New("seal: the message has expired")
)

// info separates these messages from any other use of the same key (RFC 9180, section 5).
var info = []byte("doorward/seal/v1")

// AAD is what a sealed message is bound to. It travels beside the envelope in the clear.
type AAD struct {
	MessageID string
	Recipient string    // the mail address
	Purpose   string    // what the message is for, such as "signin-code"
	Expires   time.Time // counts to the millisecond
}

// Envelope is a sealed message.
type Envelope struct {
	KeyID      string // the key it is sealed to
	Enc        []byte // HPKE's encapsulated key
	Ciphertext []byte
}

// Recipient is the public key of a reader. It comes from LoadRecipient or Opener.Recipient.
type Recipient struct {
	id  string
	key hpke.PublicKey
}

// KeyID names the key.
func (r Recipient) KeyID() string { return r.id }

// Seal encrypts plaintext for the recipient, bound to aad.
func Seal(to Recipient, aad AAD, plaintext []byte) (Envelope, error) {
	if to.key == nil {
		return Envelope{}, errors.New("seal: no recipient; load its public key first")
	}
	bound, err := aad.encode()
	if err != nil {
		return Envelope{}, err
	}
	enc, sender, err := hpke.NewSender(to.key, hpke.HKDFSHA256(), hpke.AES256GCM(), info)
	if err != nil {
		return Envelope{}, fmt.Errorf("seal: %w", err)
	}
	ciphertext, err := sender.Seal(bound, plaintext)
	if err != nil {
		return Envelope{}, fmt.Errorf("seal: %w", err)
	}
	return Envelope{KeyID: to.id, Enc: enc, Ciphertext: ciphertext}, nil
}

// Opener holds a reader's private keys by id. It is safe for concurrent use.
type Opener struct {
	current Recipient
	keys    map[string]hpke.PrivateKey
}

// Format prints the current key's id and nothing else, however an opener comes to be printed.
func (o *Opener) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "opener "+o.current.id) }

// Recipient is the public half of the current key.
func (o *Opener) Recipient() Recipient { return o.current }

// Open decrypts a message that was sealed to one of the opener's keys with exactly this aad and hasn't expired.
func (o *Opener) Open(e Envelope, aad AAD, now time.Time) ([]byte, error) {
	bound, err := aad.encode()
	if err != nil {
		return nil, err
	}
	key, ok := o.keys[e.KeyID]
	if !ok {
		return nil, ErrUnknownKey
	}
	reader, err := hpke.NewRecipient(e.Enc, key, hpke.HKDFSHA256(), hpke.AES256GCM(), info)
	if err != nil {
		return nil, ErrOpen
	}
	plaintext, err := reader.Open(bound, e.Ciphertext)
	if err != nil {
		return nil, ErrOpen
	}
	if !now.Before(aad.Expires) { // asked last, when the expiry is known to be the sender's
		return nil, ErrExpired
	}
	return plaintext, nil
}

// encode writes every field with its length in front, so that two different AADs never have the same bytes.
func (a AAD) encode() ([]byte, error) {
	if a.MessageID == "" || a.Recipient == "" || a.Purpose == "" || a.Expires.IsZero() {
		return nil, ErrIncomplete
	}
	var b bytes.Buffer
	for _, field := range []string{a.MessageID, a.Recipient, a.Purpose} {
		_ = binary.Write(&b, binary.BigEndian, uint64(len(field))) // a buffer never fails to write
		b.WriteString(field)
	}
	_ = binary.Write(&b, binary.BigEndian, a.Expires.UnixMilli())
	return b.Bytes(), nil
}
