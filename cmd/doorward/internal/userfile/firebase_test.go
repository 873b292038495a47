package userfile_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/doorward/doorward/cmd/doorward/internal/userfile"
	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
)

// The example of github.com/firebase/scrypt, README.md. authn's own tests hold that the form is user1password's.
const (
	signerKey    = "jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA=="
	firebaseHash = "lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ=="
	firebaseSalt = "42xEC+ixf3L2lw=="
	firebaseForm = "$firescrypt$ln=14,r=8$42xEC+ixf3L2lw$Bw$jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA" +
		"$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ"
	consoleText = "hash_config {\n  algorithm: SCRYPT,\n  base64_signer_key: " + signerKey + ",\n  base64_salt_separator: Bw==,\n  rounds: 8,\n  mem_cost: 14,\n}\n"
)

func project(t testing.TB) *userfile.Firebase {
	t.Helper()
	p, err := userfile.ReadFirebase(strings.NewReader(consoleText))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestAFirebaseProjectsUsersAreRead(t *testing.T) {
	all := &authnv1.ImportedUser{
		Email: "ada@example.org", EmailVerified: true, ExternalId: "4711", Name: "Ada Lovelace", PasswordHash: firebaseForm,
		CreatedAt: timestamppb.New(time.Date(2019, 3, 1, 9, 30, 0, 123e6, time.UTC)),
	}
	webSafe := strings.NewReplacer("+", "-", "/", "_", "=", "")
	for name, c := range map[string]struct {
		line string
		want *authnv1.ImportedUser
	}{
		"with all that an export has": {`{"localId":"4711","email":"ada@example.org","emailVerified":true,"passwordHash":"` + firebaseHash + `","salt":"` + firebaseSalt +
			`","displayName":"Ada Lovelace","photoUrl":"https://x.example/a","lastSignedInAt":"1551432600000","createdAt":"1551432600123","phoneNumber":"+4912345","disabled":false,` +
			`"customAttributes":"{}","providerUserInfo":[{"providerId":"google.com"}]}`, all},
		"in the API's alphabet": {
			`{"email":"ada@example.org","passwordHash":"` + webSafe.Replace(firebaseHash) + `","salt":"` + webSafe.Replace(firebaseSalt) + `"}`,
			&authnv1.ImportedUser{Email: "ada@example.org", PasswordHash: firebaseForm},
		},
		"without a password": {
			`{"localId":"4712","email":"grace@example.org","emailVerified":false,"createdAt":"0","providerUserInfo":[]}`,
			&authnv1.ImportedUser{Email: "grace@example.org", ExternalId: "4712", CreatedAt: &timestamppb.Timestamp{}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			row, err := userfile.NewFirebaseReader(strings.NewReader(c.line), project(t)).Next()
			if diff := cmp.Diff(c.want, row.User, protocmp.Transform()); err != nil || diff != "" {
				t.Errorf("%v; (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestAFirebaseUserWhoCantBeToldIsRefusedWithTheReason(t *testing.T) {
	const half = "has one of passwordHash and salt without the other"
	const noTime = `createdAt must be milliseconds since 1970, such as "1551432600000"`
	for name, c := range map[string]struct{ line, want string }{
		"the whole export":          {`{"users": [`, "isn't a JSON object in one line of UTF-8, 16 KiB at most"},
		"the whole export, compact": {`{"users":[]}`, "users is no key of an import"},
		"a line of our own":         {`{"email":"ada@example.org","password_hash":"` + firebaseForm + `"}`, "password_hash is no key of an import"},
		"disabled there": {
			`{"email":"ada@example.org","disabled":true}`,
			"disabled is true, and the account would be enabled here: leave the line out, or import it without this key and ban its account",
		},
		"a hash without its salt":     {`{"email":"ada@example.org","passwordHash":"` + firebaseHash + `"}`, half},
		"a salt without its hash":     {`{"email":"ada@example.org","salt":"` + firebaseSalt + `"}`, half},
		"an empty salt":               {`{"passwordHash":"` + firebaseHash + `","salt":""}`, "salt must be a string that isn't empty; leave it out where there is none"},
		"a hash that isn't base64":    {`{"passwordHash":"$2b$12$CCCC","salt":"` + firebaseSalt + `"}`, "passwordHash must be base64"},
		"a line break in a hash":      {`{"passwordHash":"lSrf\nV15c","salt":"` + firebaseSalt + `"}`, "passwordHash must be base64"},
		"a separator in a salt":       {`{"passwordHash":"` + firebaseHash + `","salt":"42xE$Bw"}`, "salt must be base64"},
		"a time as text":              {`{"createdAt":"2019-03-01T09:30:00Z"}`, noTime},
		"a time before 1970":          {`{"createdAt":"-1"}`, noTime},
		"a time in microseconds":      {`{"createdAt":"1551432600000000"}`, noTime},
		"a time as a number":          {`{"createdAt":1551432600000}`, "createdAt must be a string that isn't empty; leave it out where there is none"},
		"a second factor, of the API": {`{"email":"ada@example.org","mfaInfo":[]}`, "mfaInfo is no key of an import"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := userfile.NewFirebaseReader(strings.NewReader(c.line), project(t)).Next()
			var bad *userfile.LineError
			if !errors.As(err, &bad) || err.Error() != "line 1: "+c.want {
				t.Errorf("err = %v; want %s", err, c.want)
			}
		})
	}
}

func TestAProjectsParametersAreReadAsTheConsoleShowsThemOrAsJSON(t *testing.T) {
	line := `{"email":"ada@example.org","passwordHash":"` + firebaseHash + `","salt":"` + firebaseSalt + `"}`
	for name, text := range map[string]string{
		"the console's":      consoleText,
		"without the commas": strings.ReplaceAll(consoleText, ",", ""),
		"Windows' lines":     strings.ReplaceAll(consoleText, "\n", "\r\n"),
		"JSON":               `{"algorithm": "SCRYPT", "base64_signer_key": "` + signerKey + `", "base64_salt_separator": "Bw==", "rounds": 8, "mem_cost": 14}`,
		"JSON of texts":      "{\n\"algorithm\":\"SCRYPT\",\"base64_signer_key\":\"" + signerKey + "\",\"base64_salt_separator\":\"Bw==\",\"rounds\":\"8\",\"mem_cost\":\"14\"}\n",
	} {
		t.Run(name, func(t *testing.T) {
			p, err := userfile.ReadFirebase(iotest.OneByteReader(strings.NewReader(text)))
			if err != nil {
				t.Fatal(err)
			}
			row, err := userfile.NewFirebaseReader(strings.NewReader(line), p).Next()
			if err != nil || row.User.GetPasswordHash() != firebaseForm {
				t.Errorf("%s, %v", row.User.GetPasswordHash(), err)
			}
		})
	}
}

func TestParametersThatArentAProjectsAreRefusedWithAllReasonsAndNoValue(t *testing.T) {
	const shape = "must be what Firebase's console shows as password hash parameters, hash_config { … } with a name: value in each line, or a JSON object with the same names"
	const key = "base64_signer_key must be base64 of 16 to 64 bytes"
	with := func(old, text string) string { return strings.Replace(consoleText, old, text, 1) }
	for name, c := range map[string]struct{ text, want string }{
		"empty":                       {"", shape},
		"without its braces":          {strings.Trim(strings.TrimPrefix(consoleText, "hash_config"), " {}\n"), shape},
		"cut off":                     {with("\n}", ""), shape},
		"in one line":                 {strings.ReplaceAll(consoleText, "\n", " "), "algorithm must be SCRYPT; " + key + "; base64_salt_separator must be base64 of 0 to 64 bytes; rounds must be a number from 1 to 8; mem_cost must be a number from 1 to 14"},
		"a line without a value":      {with(": 8", ""), shape},
		"a name twice":                {with("mem_cost", "rounds"), shape},
		"too long":                    {consoleText + strings.Repeat(" ", 4<<10), shape},
		"JSON that is cut off":        {`{"algorithm": "SCRYPT"`, shape},
		"an array":                    {`[]`, shape},
		"another algorithm":           {with("SCRYPT", "HMAC_SHA256"), "algorithm must be SCRYPT"},
		"no signer key":               {with("base64_signer_key: "+signerKey+",", ""), key},
		"a hidden signer key":         {with(signerKey, "<...sensitive...>"), key},
		"a signer key that is cut":    {with(signerKey, signerKey[:12]), key},
		"no separator":                {with("base64_salt_separator: Bw==,", ""), "base64_salt_separator must be base64 of 0 to 64 bytes"},
		"rounds that Firebase hasn't": {with("rounds: 8", "rounds: 9"), "rounds must be a number from 1 to 8"},
		"no rounds":                   {with("rounds: 8,", ""), "rounds must be a number from 1 to 8"},
		"a gigabyte":                  {with("14", "20"), "mem_cost must be a number from 1 to 14"},
		"an unknown parameter":        {with("mem_cost: 14", "mem_cost: 14,\nparallel: 2"), "parallel is no parameter"},
		"a key for a name":            {with("mem_cost: 14", "mem_cost: 14,\n"+signerKey+": 2"), "(no name) is no parameter"},
		"a null":                      {`{"algorithm":"SCRYPT","base64_signer_key":"` + signerKey + `","base64_salt_separator":null,"rounds":8,"mem_cost":14}`, shape},
		"an object for a value":       {`{"algorithm":"SCRYPT","rounds":{}}`, shape},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := userfile.ReadFirebase(strings.NewReader(c.text))
			if err == nil || err.Error() != c.want {
				t.Fatalf("err = %v; want %s", err, c.want)
			}
			if strings.Contains(err.Error(), signerKey[:8]) {
				t.Errorf("the signer key is told: %v", err)
			}
		})
	}
	if _, err := userfile.ReadFirebase(iotest.ErrReader(io.ErrUnexpectedEOF)); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a file that can't be read: %v", err)
	}
}

// FuzzReadFirebase: whatever is in the file, it is parameters with which a user's form can be put together, or a reason that quotes none of it.
func FuzzReadFirebase(f *testing.F) {
	f.Add(consoleText)
	f.Add(`{"algorithm": "SCRYPT", "base64_signer_key": "` + signerKey + `", "base64_salt_separator": "", "rounds": 8, "mem_cost": 14}`)
	f.Fuzz(func(t *testing.T, text string) {
		p, err := userfile.ReadFirebase(strings.NewReader(text))
		if err != nil {
			if strings.Contains(err.Error(), signerKey[:8]) {
				t.Errorf("the signer key is told: %v", err)
			}
			return
		}
		row, err := userfile.NewFirebaseReader(strings.NewReader(`{"passwordHash":"`+firebaseHash+`","salt":"`+firebaseSalt+`"}`), p).Next()
		if err != nil || strings.Count(row.User.GetPasswordHash(), "$") != 6 {
			t.Errorf("%v, %v", row.User, err)
		}
	})
}
