package userfile

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
)

// Firebase is the parameters of a Firebase project's password hashes. Firebase keeps them once for all users; the form that authn takes has them with each hash.
type Firebase struct {
	// The signer key is a secret: every hash is this key, encrypted under a password's.
	signerKey, saltSeparator []byte
	// rounds is scrypt's r, memCost the logarithm of its N.
	rounds, memCost int
}

// leftBehind is what an export has and an account here hasn't.
var leftBehind = []string{"photoUrl", "lastSignedInAt", "phoneNumber", "providerUserInfo", "customAttributes"}

// parse reads a line: a user as firebase auth:export --format=json writes it.
func (f *Firebase) parse(text []byte) (*authnv1.ImportedUser, []Problem) {
	found, err := fields(text)
	if err != nil {
		return nil, []Problem{{Text: err.Error()}}
	}
	l := line{found: found}
	u := &authnv1.ImportedUser{
		Email:         l.text("email"),
		EmailVerified: l.yes("emailVerified"),
		ExternalId:    l.text("localId"),
		Name:          l.text("displayName"),
		PasswordHash:  f.stored(&l),
		CreatedAt:     l.milliseconds("createdAt"),
	}
	if l.yes("disabled") {
		l.refuse("disabled", "is true, and the account would be enabled here: leave the line out, or import it without this key and ban its account")
	}
	for _, name := range leftBehind {
		delete(l.found, name)
	}
	l.refuseUnknown()
	return u, l.problems
}

// stored is the form that authn takes, of the user's hash and salt and the project's parameters; empty for a user without a password.
func (f *Firebase) stored(l *line) string {
	_, hashed := l.found["passwordHash"]
	_, salted := l.found["salt"]
	if !hashed && !salted {
		return ""
	}
	hash, salt := l.octets("passwordHash"), l.octets("salt")
	if hashed != salted {
		l.refuse("", "has one of passwordHash and salt without the other")
	}
	plain := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$firescrypt$ln=%d,r=%d$%s$%s$%s$%s", f.memCost, f.rounds, plain(salt), plain(f.saltSeparator), plain(f.signerKey), plain(hash))
}

// octets reads base64 that isn't empty.
func (l *line) octets(name string) []byte {
	value := l.text(name)
	if value == "" {
		return nil
	}
	octets, ok := decoded(value)
	if !ok {
		l.refuse(name, "must be base64")
	}
	return octets
}

// milliseconds reads the time as Firebase writes it, as text. Thirteen digits last until 2286.
func (l *line) milliseconds(name string) *timestamppb.Timestamp {
	const mostDigits = 13
	value := l.text(name)
	if value == "" {
		return nil
	}
	ms, err := strconv.ParseInt(value, 10, 64)
	if err != nil || ms < 0 || len(value) > mostDigits {
		l.refuse(name, "must be milliseconds since 1970, such as \"1551432600000\"")
		return nil
	}
	return timestamppb.New(time.UnixMilli(ms))
}

// decoded reads base64 of either alphabet, padded or not: the CLI writes one, the API and the SDKs the other.
func decoded(text string) ([]byte, bool) {
	text = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(text, "="))
	octets, err := base64.RawStdEncoding.Strict().DecodeString(text)
	// The decoder skips line breaks; the length shows whether there were any.
	return octets, err == nil && base64.RawStdEncoding.EncodedLen(len(octets)) == len(text)
}
