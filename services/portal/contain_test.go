package portal_test

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/services/portal"
)

func TestOpeningTheLinkShowsTheFactsAndChangesNothing(t *testing.T) {
	s := start(t, nil)
	for range 3 {
		got := s.get(t, goodPath)
		if got.status != http.StatusOK {
			t.Fatalf("status %d", got.status)
		}
		for _, want := range []string{
			"Was this you?", "your Notes account", "Desktop", "Firefox 146", "Linux", "Portugal", "203.0.113.7",
			"1 March 2026, 12:04 UTC", "Password and a mailed code",
		} {
			if !strings.Contains(got.body, want) {
				t.Errorf("the page lacks %q", want)
			}
		}
	}
	head := s.do(t, s.request(t, http.MethodHead, goodPath, ""))
	if head.status != http.StatusOK || head.body != "" {
		t.Errorf("HEAD: %d, %q", head.status, head.body)
	}
	s.get(t, goodPath+"?answer=no")
	if _, confirmed := s.notify.asked(); confirmed != 0 {
		t.Errorf("opening the link confirmed %d times", confirmed)
	}
}

func TestNoAnswerIsPreselected(t *testing.T) {
	body := start(t, nil).get(t, goodPath).body
	if n := strings.Count(body, `type="radio"`); n != 2 {
		t.Fatalf("%d answers, want 2", n)
	}
	for _, never := range []string{"checked", "<script", `type="hidden"`, "autofocus"} {
		if strings.Contains(body, never) {
			t.Errorf("the form has %q", never)
		}
	}
	// A machine that fills in a required choice takes the first: it must be the harmless one.
	if yes, no := strings.Index(body, `value="yes"`), strings.Index(body, `value="no"`); yes < 0 || no < yes {
		t.Errorf("yes stands at %d, no at %d", yes, no)
	}
	if strings.Contains(body, "action=") {
		t.Error("the form names another address than the page's own")
	}
}

func TestUnclearFormChangesNothing(t *testing.T) {
	s := start(t, nil)
	for _, form := range []string{
		"", "answer=", "answer", "answer=on", "answer=NO", "answer=no+", "answer=yes&answer=no", "answer=no&answer=no",
		"Answer=no", "x=1", "answer=%zz", "answer=no;x=1", strings.Repeat("a=1&", 500),
	} {
		got := s.post(t, goodPath, form)
		if got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, "Nothing was changed") ||
			!strings.Contains(got.body, `value="no"`) {
			t.Errorf("form %.30q: %d, want the question again and that nothing was changed", form, got.status)
		}
	}
	if got := s.do(t, s.form(t, goodPath+"?answer=no", "", nil)); got.status != http.StatusUnprocessableEntity {
		t.Errorf("an answer in the query: %d", got.status)
	}
	if _, confirmed := s.notify.asked(); confirmed != 0 {
		t.Errorf("confirmed %d times", confirmed)
	}
}

func TestYesChangesNothing(t *testing.T) {
	s := start(t, nil)
	got := s.post(t, goodPath, "answer=yes")
	if got.status != http.StatusOK || !strings.Contains(got.body, "Nothing was changed") || strings.Contains(got.body, "<form") {
		t.Errorf("%d:\n%s", got.status, got.body)
	}
	if _, confirmed := s.notify.asked(); confirmed != 0 {
		t.Errorf("confirmed %d times", confirmed)
	}
}

func TestNoIsPassedOnAndRepeatsShowTheSame(t *testing.T) {
	s := start(t, nil)
	r := s.form(t, goodPath, "answer=no", map[string]string{"User-Agent": "Phone/1", "Accept-Language": "pt"})
	first := s.do(t, r)
	if first.status != http.StatusOK || !strings.Contains(first.body, "1 March 2026, 12:09 UTC") || strings.Contains(first.body, "<form") {
		t.Fatalf("%d:\n%s", first.status, first.body)
	}
	in := s.notify.confirmed[0]
	want := &typev1.ClientContext{Ip: "127.0.0.1", UserAgent: "Phone/1", AcceptLanguage: "pt"}
	if in.GetDeliveryId() != goodDelivery || in.GetContainToken() != goodToken ||
		in.GetClient().GetIp() != want.GetIp() || in.GetClient().GetUserAgent() != want.GetUserAgent() ||
		in.GetClient().GetAcceptLanguage() != want.GetAcceptLanguage() {
		t.Error("notify wasn't told what the link and the browser said")
	}
	again := map[string]page{
		"the answer again":    s.post(t, goodPath, "answer=no"),
		"the link again":      s.get(t, goodPath),
		"yes after no":        s.post(t, goodPath, "answer=yes"),
		"no answer, after no": s.post(t, goodPath, ""),
	}
	for name, got := range again {
		if diff := cmp.Diff(first.body, got.body); diff != "" || got.status != http.StatusOK {
			t.Errorf("%s: %d (-first +again):\n%s", name, got.status, diff)
		}
	}
}

func TestEveryFaultOfALinkIsOnePage(t *testing.T) {
	s := start(t, nil)
	want := s.get(t, "/contain/"+goodDelivery+"/wrong")
	if want.status != http.StatusNotFound || !strings.Contains(want.body, "Nothing was changed") {
		t.Fatalf("%d:\n%s", want.status, want.body)
	}
	paths := []string{
		"/contain/dlv_0000000002/" + goodToken,     // a token of another delivery
		goodPath + "x", goodPath[:len(goodPath)-1], // altered
		"/contain/x/y", "/contain/" + goodDelivery + "/%00", "/contain/" + goodDelivery + "/%ff", "/contain/%20/x",
		"/contain/" + goodDelivery + "/" + strings.Repeat("a", 129), "/contain/" + strings.Repeat("d", 65) + "/" + goodToken,
		"/contain/" + goodDelivery + "/a%2Fb", goodPath + "/more", "/contain/" + goodDelivery, "/contain", "/", "/anything",
	}
	for _, path := range paths {
		got := s.get(t, path)
		if got.status != http.StatusNotFound || got.body != want.body {
			t.Errorf("GET %s: %d, another page than a wrong token's", path, got.status)
		}
	}
	for _, form := range []string{"answer=no", "answer=yes", ""} {
		got := s.post(t, "/contain/"+goodDelivery+"/wrong", form)
		if got.status != http.StatusNotFound || got.body != want.body {
			t.Errorf("POST %q: %d, another page than GET's", form, got.status)
		}
	}
}

func TestMalformedLinksCostNotifyNothing(t *testing.T) {
	s := start(t, nil)
	for _, path := range []string{"/contain/%20/x", "/contain/d/%ff", "/contain/d/" + strings.Repeat("a", 129), "/contain/d/a%2Fb"} {
		s.get(t, path)
		s.post(t, path, "answer=no")
	}
	if described, confirmed := s.notify.asked(); described+confirmed != 0 {
		t.Errorf("notify was asked %d times", described+confirmed)
	}
}

func TestNotifyAwayIsSaidHonestly(t *testing.T) {
	s := start(t, nil)
	s.stopNotify()
	for name, got := range map[string]page{
		"opened": s.get(t, goodPath), "yes": s.post(t, goodPath, "answer=yes"), "no answer": s.post(t, goodPath, ""),
	} {
		if got.status != http.StatusServiceUnavailable || !strings.Contains(got.body, "Nothing was changed") {
			t.Errorf("%s: %d:\n%s", name, got.status, got.body)
		}
		if seconds, err := strconv.Atoi(got.header.Get("Retry-After")); err != nil || seconds < 1 {
			t.Errorf("%s: Retry-After %q", name, got.header.Get("Retry-After"))
		}
	}
	// The answer may have arrived before the connection broke.
	sent := s.post(t, goodPath, "answer=no")
	if sent.status != http.StatusServiceUnavailable || strings.Contains(sent.body, "Nothing was changed") ||
		!strings.Contains(sent.body, "twice does no harm") {
		t.Errorf("no: %d:\n%s", sent.status, sent.body)
	}
}

func TestNotifysFailuresBecomePages(t *testing.T) {
	tests := map[string]struct {
		err    error
		status int
		retry  string
	}{
		"busy":      {fault.New(fault.Exhausted, typev1.Reason_REASON_RATE_LIMITED, "Later.").RetryIn(1500 * time.Millisecond), 503, "2"},
		"busy long": {fault.New(fault.Exhausted, typev1.Reason_REASON_RATE_LIMITED, "Later.").RetryIn(time.Hour), 503, "300"},
		"stopping":  {fault.New(fault.Unavailable, typev1.Reason_REASON_UNAVAILABLE, "Stopping."), 503, "5"},
		"broken":    {errors.New("the disk, /secret/path"), 500, ""},
		"denied":    {fault.New(fault.Denied, typev1.Reason_REASON_CALLER_NOT_ALLOWED, "No."), 500, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := start(t, nil)
			s.notify.err = test.err
			got := s.get(t, goodPath)
			if got.status != test.status || got.header.Get("Retry-After") != test.retry {
				t.Errorf("%d, Retry-After %q", got.status, got.header.Get("Retry-After"))
			}
			if strings.Contains(got.body, "secret") || !strings.Contains(got.body, "req_") {
				t.Errorf("the page tells the cause, or no request id:\n%s", got.body)
			}
		})
	}
}

func TestUnknownFactsSaySo(t *testing.T) {
	s := start(t, nil)
	s.notify.facts.Device, s.notify.facts.Place, s.notify.facts.SignedInAt = nil, nil, nil
	s.notify.facts.Ip, s.notify.facts.Method = "", ""
	if n := strings.Count(s.get(t, goodPath).body, "Unknown"); n != 7 {
		t.Errorf("%d facts are unknown, want 7", n)
	}
}

func TestHostileFactsAreEscaped(t *testing.T) {
	s := start(t, func(cfg *portal.Config) { cfg.Product = "<b>Notes</b>" })
	s.notify.facts.Device.Browser = `"><script>alert(1)</script>`
	s.notify.facts.Place.CountryName = "{{.Account}}"
	body := s.get(t, goodPath).body
	if strings.Contains(body, "<script>") || strings.Contains(body, "<b>") || !strings.Contains(body, "{{.Account}}") {
		t.Errorf("not escaped:\n%s", body)
	}
}

func TestAddressIsBelievedFromTrustedProxiesAlone(t *testing.T) {
	const forwarded = "198.51.100.9, 192.0.2.44"
	tests := map[string]struct {
		proxies []string
		want    string
	}{
		"no proxy":        {nil, "127.0.0.1"},
		"another's proxy": {[]string{"10.0.0.0/8"}, "127.0.0.1"},
		"our proxy":       {[]string{"127.0.0.0/8"}, "192.0.2.44"},
		"two of ours":     {[]string{"127.0.0.0/8", "192.0.2.0/24"}, "198.51.100.9"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := start(t, func(cfg *portal.Config) { cfg.TrustedProxies = trusted(test.proxies...) })
			s.do(t, s.form(t, goodPath, "answer=no", map[string]string{"X-Forwarded-For": forwarded}))
			if got := s.notify.confirmed[0].GetClient().GetIp(); got != test.want {
				t.Errorf("notify was told %s, want %s", got, test.want)
			}
		})
	}
}
