package template

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"
)

var update = flag.Bool("update", false, "write the golden files in testdata")

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func origin() Origin {
	return Origin{Device: "Desktop", Browser: "Firefox 146", System: "Linux", Place: "Lisbon, Portugal", IP: "203.0.113.7", Time: noon}
}

func code(purpose Purpose) Code {
	return Code{Product: "Notes", Recipient: "ann@example.com", Purpose: purpose, Code: "048213", Expires: noon.Add(10 * time.Minute), Origin: origin()}
}

func alert() NewDevice {
	return NewDevice{
		Product: "Notes", Recipient: "ann@example.com", Methods: []Method{Password, EmailCode},
		Link: "https://id.example.com/contain?event=evt_1&token=abc", Origin: origin(),
	}
}

func contained() Contained {
	return Contained{Product: "Notes", Recipient: "ann@example.com", At: noon.Add(4 * time.Minute), Sessions: 2, Devices: 1, Addresses: 1, Factors: 2, Origin: origin()}
}

func invitation() Invitation {
	return Invitation{
		Product: "Notes", Recipient: "ann@example.com", Token: "dwi_abc-DEF_0123", Page: "https://notes.example.com/join", Ends: noon.Add(30 * 24 * time.Hour),
	}
}

// hostileOrigin is what a stranger would like an owner to read.
func hostileOrigin() Origin {
	return Origin{
		Device:  "<img src=https://evil.example/p.gif>\r\n\r\nYour account is closed",
		Browser: "\u202eevil\u202c \"><script>alert(1)</script>",
		System:  strings.Repeat("long ", 100),
		Place:   "{{.Code}}",
		IP:      "\x00\x1b[31m",
		Time:    noon,
	}
}

func catalogue(t *testing.T) *Catalogue {
	t.Helper()
	c, err := New()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// mails are the cases of the golden files.
func mails(t *testing.T) map[string]Mail {
	t.Helper()
	c := catalogue(t)
	made := map[string]Mail{}
	add := func(name string, mail Mail, err error) {
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		made[name] = mail
	}
	for _, purpose := range []Purpose{SignUp, DeviceVerification, NewPassword} {
		mail, err := c.Code("en", code(purpose))
		add("code_"+string(purpose), mail, err)
	}
	mail, err := c.NewDevice("en", alert())
	add("new_device", mail, err)
	unknown := alert()
	unknown.Methods, unknown.Origin = []Method{"fingerprint"}, Origin{Time: noon}
	mail, err = c.NewDevice("en", unknown)
	add("new_device_unknown", mail, err)
	unlinked := alert()
	unlinked.Link = ""
	mail, err = c.NewDevice("en", unlinked)
	add("new_device_unlinked", mail, err)
	mail, err = c.SignUpTaken("en", SignUpTaken{Product: "Notes", Recipient: "ann@example.com", Origin: origin()})
	add("sign_up_taken", mail, err)
	mail, err = c.Invitation("en", invitation())
	add("invitation", mail, err)
	placeless := invitation()
	placeless.Page = ""
	mail, err = c.Invitation("en", placeless)
	add("invitation_placeless", mail, err)
	mail, err = c.Abandoned("en", Abandoned{Product: "Notes", Recipient: "ann@example.com", Origin: origin()})
	add("abandoned", mail, err)
	hostile := alert()
	hostile.Origin = hostileOrigin()
	mail, err = c.NewDevice("en", hostile)
	add("new_device_hostile", mail, err)
	mail, err = c.Contained("en", contained())
	add("contained", mail, err)
	little := contained()
	little.Sessions, little.Devices, little.Addresses, little.Factors = 0, 0, 0, 0
	mail, err = c.Contained("en", little)
	add("contained_little", mail, err)
	return made
}

func TestMailsReadAsWritten(t *testing.T) {
	for name, mail := range mails(t) {
		golden(t, name+".txt", "Subject: "+mail.Subject+"\n\n"+mail.Text)
		golden(t, name+".html", mail.HTML)
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs; if that is meant, run the test with -update (-want +got):\n%s", name, diff)
	}
}

func TestSubjectNeverHoldsTheCode(t *testing.T) {
	first, err := catalogue(t).Code("en", code(SignUp))
	if err != nil {
		t.Fatal(err)
	}
	other := code(NewPassword)
	other.Product, other.Code = "Elsewhere", "999999"
	second, err := catalogue(t).Code("en", other)
	if err != nil {
		t.Fatal(err)
	}
	if first.Subject != second.Subject || strings.ContainsAny(first.Subject, "0123456789") {
		t.Errorf("subjects %q and %q", first.Subject, second.Subject)
	}
}

func TestMailsLoadNothing(t *testing.T) {
	allowed := map[string]bool{
		"html": true, "head": true, "meta": true, "body": true, "div": true, "p": true, "h1": true, "h2": true, "strong": true,
		"table": true, "tr": true, "td": true, "ul": true, "ol": true, "li": true, "a": true,
	}
	for name, mail := range mails(t) {
		tokens := html.NewTokenizer(strings.NewReader(mail.HTML))
		for tokens.Next() != html.ErrorToken {
			token := tokens.Token()
			if token.Type == html.StartTagToken && !allowed[token.Data] {
				t.Errorf("%s has a <%s>", name, token.Data)
			}
			for _, attribute := range token.Attr {
				if attribute.Key == "src" || attribute.Key == "background" || strings.Contains(attribute.Val, "url(") {
					t.Errorf("%s loads %s", name, attribute.Val)
				}
			}
		}
	}
}

func TestTextBreaksNoLineForAStranger(t *testing.T) {
	mail := mails(t)["new_device_hostile"]
	for line := range strings.Lines(mail.Text) {
		if strings.HasPrefix(line, "Your account is closed") {
			t.Error("a device's name began a line of its own")
		}
		if strings.HasPrefix(line, "System: ") && len([]rune(line)) > maxLine+len("System: \n") {
			t.Errorf("a value of %d characters is shown", len([]rune(line)))
		}
	}
	for _, body := range []string{mail.Text, mail.HTML} {
		if strings.ContainsAny(body, "\x00\x1b\r\u202e\u202c") {
			t.Error("a control character got through")
		}
	}
}

func TestIncompleteInputIsRefused(t *testing.T) {
	c := catalogue(t)
	codes := map[string]func(*Code){
		"no product":      func(in *Code) { in.Product = " \n" },
		"no recipient":    func(in *Code) { in.Recipient = "" },
		"no code":         func(in *Code) { in.Code = "" },
		"short code":      func(in *Code) { in.Code = "12345" },
		"code of letters": func(in *Code) { in.Code = "12345a" },
		"long code":       func(in *Code) { in.Code = "1234567" },
		"no purpose":      func(in *Code) { in.Purpose = "" },
		"no expiry":       func(in *Code) { in.Expires = time.Time{} },
		"no time":         func(in *Code) { in.Origin.Time = time.Time{} },
	}
	for name, spoil := range codes {
		in := code(SignUp)
		spoil(&in)
		_, err := c.Code("en", in)
		if !errors.Is(err, ErrInput) {
			t.Errorf("%s: %v, want ErrInput", name, err)
		}
		if err != nil && in.Code != "" && strings.Contains(err.Error(), in.Code) {
			t.Errorf("%s: the error repeats the code: %v", name, err)
		}
	}
	for _, link := range []string{
		"/contain", "http://id.example.com/contain", "javascript:alert(1)", "https://", "ftp://id.example.com/",
		"https://id.example.com/a b", "https://id.example.com/\nx", "http://localhost.evil.example/",
	} {
		in := alert()
		in.Link = link
		if _, err := c.NewDevice("en", in); !errors.Is(err, ErrInput) {
			t.Errorf("link %q: %v, want ErrInput", link, err)
		}
	}
	if _, err := c.SignUpTaken("en", SignUpTaken{Product: "Notes", Origin: origin()}); !errors.Is(err, ErrInput) {
		t.Errorf("a notice without a recipient: %v, want ErrInput", err)
	}
	if _, err := c.Abandoned("en", Abandoned{Product: "Notes", Recipient: "ann@example.com"}); !errors.Is(err, ErrInput) {
		t.Errorf("an alert without a time: %v, want ErrInput", err)
	}
	invitations := map[string]func(*Invitation){
		"no product":    func(in *Invitation) { in.Product = "" },
		"no recipient":  func(in *Invitation) { in.Recipient = "" },
		"no token":      func(in *Invitation) { in.Token = "" },
		"a long token":  func(in *Invitation) { in.Token = strings.Repeat("t", 129) },
		"another token": func(in *Invitation) { in.Token = "dwi_<b>\nx" },
		"no end":        func(in *Invitation) { in.Ends = time.Time{} },
		"a plain page":  func(in *Invitation) { in.Page = "http://notes.example.com/join" },
	}
	for name, spoil := range invitations {
		in := invitation()
		spoil(&in)
		_, err := c.Invitation("en", in)
		if !errors.Is(err, ErrInput) {
			t.Errorf("an invitation with %s: %v, want ErrInput", name, err)
		}
		if err != nil && in.Token != "" && strings.Contains(err.Error(), in.Token) {
			t.Errorf("an invitation with %s: the error repeats the token: %v", name, err)
		}
	}
	late := contained()
	late.At = time.Time{}
	if _, err := c.Contained("en", late); !errors.Is(err, ErrInput) {
		t.Errorf("no time of containment: %v, want ErrInput", err)
	}
}

// TestAnAddressThatMayNotAnswerGetsNoLink keeps the alert from losing its reader: it tells what else to do.
func TestAnAddressThatMayNotAnswerGetsNoLink(t *testing.T) {
	mail := mails(t)["new_device_unlinked"]
	for _, body := range []string{mail.Text, mail.HTML} {
		if strings.Contains(body, "http") || !strings.Contains(body, "other address") {
			t.Errorf("an alert without a link reads:\n%s", body)
		}
	}
}

func TestLinksToThisMachineMayBePlain(t *testing.T) {
	for _, link := range []string{"http://localhost:7404/contain", "http://127.0.0.1:7404/contain", "http://[::1]:7404/contain"} {
		in := alert()
		in.Link = link
		mail, err := catalogue(t).NewDevice("en", in)
		if err != nil || !strings.Contains(mail.Text, "\n"+link+"\n") {
			t.Errorf("%s: %v", link, err)
		}
	}
}

func TestEveryLanguageTagHasAnAnswer(t *testing.T) {
	c := catalogue(t)
	want, err := c.Code("en", code(SignUp))
	if err != nil {
		t.Fatal(err)
	}
	for _, tag := range []string{"", "EN", "en-GB", "de", "pt-BR", "not a tag", "-"} {
		got, err := c.Code(tag, code(SignUp))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("tag %q (-want +got):\n%s", tag, diff)
		}
	}
}
