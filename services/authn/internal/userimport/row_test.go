package userimport_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/doorward/doorward/services/authn/internal/credential"
	"github.com/doorward/doorward/services/authn/internal/userimport"
)

var now = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

const (
	bcryptForm   = "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
	argon2idForm = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
)

func row(change func(*userimport.Row)) userimport.Row {
	r := userimport.Row{
		Email: "Ada@Example.org", EmailVerified: true, ExternalID: "4711", Name: "Ada Lovelace",
		Password: credential.WrapPHC(bcryptForm), CreatedAt: now,
	}
	change(&r)
	return r
}

func TestARowIsAUser(t *testing.T) {
	u, problems := userimport.Parse(row(func(*userimport.Row) {}), now)
	if len(problems) > 0 || u.Canonical != "ada@example.org" || u.Email != "Ada@Example.org" || u.Form == nil || u.Form.Kind != "bcrypt" {
		t.Errorf("%+v, %v", u, problems)
	}
	u, problems = userimport.Parse(userimport.Row{Email: "grace@example.org"}, now)
	if len(problems) > 0 || u.Form != nil {
		t.Errorf("an address alone: %+v, %v", u, problems)
	}
}

func TestARowThatIsNoUserIsRefusedWithTheReasons(t *testing.T) {
	type is = userimport.Row
	const noID, noName, noTime = "field_invalid external_id must be 1 to 128 printable characters without spaces",
		"field_invalid name must be 1 to 200 printable characters", "field_invalid created_at must be since 1970 and not to come"
	hash := func(stored string) func(*is) { return func(r *is) { r.Password = credential.WrapPHC(stored) } }
	for name, c := range map[string]struct {
		change func(*is)
		want   string
	}{
		"no address":               {func(r *is) { r.Email = "" }, "field_invalid email is missing"},
		"an address that is none":  {func(r *is) { r.Email = "ada at example.org" }, "field_invalid email must be a valid email address"},
		"an id with a space":       {func(r *is) { r.ExternalID = "4 7" }, noID},
		"an id that can't be seen": {func(r *is) { r.ExternalID = "4\u200b7" }, noID},
		"an id that is no text":    {func(r *is) { r.ExternalID = "4\xff7" }, noID},
		"a long id":                {func(r *is) { r.ExternalID = strings.Repeat("7", 129) }, noID},
		"an id like ours":          {func(r *is) { r.ExternalID = "usr_1" }, "field_invalid external_id must not begin as our own ids do, with usr_"},
		"a name of spaces":         {func(r *is) { r.Name = "  " }, noName},
		"a name with a line":       {func(r *is) { r.Name = "Ada\nLovelace" }, noName},
		"a long name":              {func(r *is) { r.Name = strings.Repeat("é", 201) }, noName},
		"a time to come":           {func(r *is) { r.CreatedAt = now.Add(1) }, noTime},
		"a time long ago":          {func(r *is) { r.CreatedAt = time.Unix(-1, 0) }, noTime},
		"an unknown form": {
			hash("5f4dcc3b5aa765d61d8327deb882cf99"),
			"hash_unknown password_hash can't be taken: not a form that is known: argon2id, argon2i, bcrypt, scrypt, pbkdf2, firescrypt, sha256-crypt or sha512-crypt",
		},
		"a malformed form": {hash("$2b$05$CCCC"), "hash_malformed password_hash can't be taken: bcrypt: malformed: it isn't $2b$, two digits of cost, $, and 53 characters"},
		"much memory":      {hash(strings.Replace(argon2idForm, "m=65536", "m=262145", 1)), "hash_too_costly password_hash can't be taken: argon2id: too costly: at most 256 MiB"},
		"many passes":      {hash(strings.Replace(argon2idForm, "t=2", "t=17", 1)), "hash_too_costly password_hash can't be taken: argon2id: too costly: at most 16 passes"},
		"many threads":     {hash(strings.Replace(argon2idForm, "p=1", "p=300", 1)), "hash_too_costly password_hash can't be taken: argon2id: too costly: at most 16 threads"},
		"much of both":     {hash(strings.Replace(argon2idForm, "t=2", "t=16", 1)), ""},
		"more of both":     {hash(strings.Replace(argon2idForm, "m=65536,t=2", "m=65537,t=16", 1)), "hash_too_costly password_hash can't be taken: argon2id: too costly: at most memory × passes = 1 GiB"},
		"no such argon2id": {hash(strings.Replace(argon2idForm, "p=1", "p=0", 1)), "hash_malformed password_hash can't be taken: argon2id: malformed: argon2 has no such parameters"},
		"a costly form":    {hash(strings.Replace(bcryptForm, "05", "15", 1)), "hash_too_costly password_hash can't be taken: bcrypt: too costly: at most cost 14"},
		"all that is wrong": {
			func(r *is) {
				*r = is{Email: "@", ExternalID: " ", Name: "\t", Password: credential.WrapPHC("x"), CreatedAt: now.Add(1)}
			},
			"field_invalid email must be a valid email address; " + noID + "; " + noName + "; " + noTime +
				"; hash_unknown password_hash can't be taken: not a form that is known: argon2id, argon2i, bcrypt, scrypt, pbkdf2, firescrypt, sha256-crypt or sha512-crypt",
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, problems := userimport.Parse(row(c.change), now)
			var got []string
			for _, p := range problems {
				got = append(got, string(p.Reason)+" "+p.Field+" "+p.Text)
			}
			if diff := cmp.Diff(c.want, strings.Join(got, "; ")); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

// TestPartsTellRowsApart: two rows that say different things never have the same parts, and one row has the same ones however it is spelt.
func TestPartsTellRowsApart(t *testing.T) {
	type is = userimport.Row
	parts := func(r userimport.Row) string {
		u, _ := userimport.Parse(r, now)
		var text []string
		for _, p := range u.Parts() {
			text = append(text, string(p))
		}
		return strings.Join(text, "\x00")
	}
	same := parts(row(func(*is) {}))
	if got := parts(row(func(r *is) { r.Email, r.CreatedAt = "ada@example.ORG", now.In(time.FixedZone("", 3600)) })); got != same {
		t.Errorf("another spelling tells: %q", got)
	}
	for name, change := range map[string]func(*is){
		"address": func(r *is) { r.Email = "a@example.org" }, "verified": func(r *is) { r.EmailVerified = false }, "id": func(r *is) { r.ExternalID = "1" },
		"name": func(r *is) { r.Name = "" }, "hash": func(r *is) { r.Password = credential.PHC{} }, "time": func(r *is) { r.CreatedAt = time.Time{} },
	} {
		if parts(row(change)) == same {
			t.Errorf("another %s doesn't tell", name)
		}
	}
}

// FuzzParse: whatever a row says, it is a user that can be kept, or is refused for reasons that quote none of its values.
func FuzzParse(f *testing.F) {
	f.Add("Ada@example.org", "4711", "Ada", bcryptForm, int64(1551432600))
	f.Add("", "\xff", "\n", "$2b$15$", int64(-1))
	f.Fuzz(func(t *testing.T, email, externalID, name, hash string, created int64) {
		r := userimport.Row{Email: email, ExternalID: externalID, Name: name, Password: credential.WrapPHC(hash), CreatedAt: time.Unix(created, 0)}
		u, problems := userimport.Parse(r, now)
		if len(problems) == 0 && (u.Canonical == "" || u.CreatedAt.After(now) || (hash != "") != (u.Form != nil)) {
			t.Errorf("taken: %q", u.Canonical)
		}
		for _, p := range problems {
			if p.Reason == "" || p.Field == "" || strings.Contains(p.Text, "@") || len(p.Text) > 256 {
				t.Errorf("a reason for %q: %q", p.Field, p.Text)
			}
		}
	})
}
