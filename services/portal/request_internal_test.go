package portal

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"

	notifyv1 "github.com/doorward/doorward/gen/doorward/notify/v1"
)

// counting is a notify that agrees to everything and keeps what it is asked.
type counting struct {
	described *notifyv1.DescribeContainmentRequest
	confirmed *notifyv1.ConfirmContainmentRequest
}

func (c *counting) DescribeContainment(
	_ context.Context, in *notifyv1.DescribeContainmentRequest, _ ...grpc.CallOption,
) (*notifyv1.DescribeContainmentResponse, error) {
	c.described = in
	return &notifyv1.DescribeContainmentResponse{Containment: &notifyv1.Containment{}}, nil
}

func (c *counting) ConfirmContainment(
	_ context.Context, in *notifyv1.ConfirmContainmentRequest, _ ...grpc.CallOption,
) (*notifyv1.ConfirmContainmentResponse, error) {
	c.confirmed = in
	return &notifyv1.ConfirmContainmentResponse{Containment: &notifyv1.Containment{}}, nil
}

// browserRequest is all of a request that a stranger chooses.
type browserRequest struct {
	method, delivery, token, kind, fetchSite, origin, forwarded, agent, body string
}

func (b browserRequest) http(t *testing.T) (*http.Request, bool) {
	path := "/contain/" + url.PathEscape(b.delivery) + "/" + url.PathEscape(b.token)
	r, err := http.NewRequestWithContext(t.Context(), b.method, "https://id.example.com"+path, strings.NewReader(b.body))
	if err != nil {
		return nil, false // no method
	}
	r.RemoteAddr = "10.0.0.1:4711"
	for name, value := range map[string]string{
		"Content-Type": b.kind, "Sec-Fetch-Site": b.fetchSite, "Origin": b.origin, "X-Forwarded-For": b.forwarded, "User-Agent": b.agent,
	} {
		if value != "" {
			r.Header.Set(name, value)
		}
	}
	return r, true
}

// FuzzRequest sends a request whose method, link, headers and body are anything. Only a form of our own page that says "no", once and clearly, makes
// the portal ask for a containment; a link is passed on as it is or not at all; and neither page nor log shows the token.
func FuzzRequest(f *testing.F) {
	const form, ours = "application/x-www-form-urlencoded", "https://id.example.com"
	for _, b := range []browserRequest{
		{"POST", "dlv_1", "cnt_planted-token-1", form, "same-origin", ours, "192.0.2.1", "Mozilla/5.0", "answer=no"},
		{"POST", "dlv_1", "cnt_planted-token-1", form, "cross-site", "https://evil.example", "", "", "answer=no"},
		{"POST", "dlv_1", "cnt_planted-token-1", form, "", "null", "10.0.0.2, \xff", "\xff\xfe", "a=%6eo&answer=%6e%6f"},
		{"POST", "dlv_1", "cnt_planted-token-1", "text/plain", "same-origin", ours, "", "", "answer=no"},
		{"POST", "dlv_1", "cnt_planted-token-1", form + "; charset=x", "none", "", "", "", "answer=no&answer=yes"},
		{"POST", "../x", "a/b?c", form, "same-origin", ours, "", "", "answer=no;"},
		{"GET", "dlv_1", "cnt_planted-token-1", form, "same-origin", ours, "", "", "answer=no"},
		{"HEAD", "dlv_1", strings.Repeat("t", 200), "", "", "", "unknown", "", ""},
	} {
		f.Add(b.method, b.delivery, b.token, b.kind, b.fetchSite, b.origin, b.forwarded, b.agent, b.body)
	}
	var log bytes.Buffer
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	s, err := newSite(Config{URL: ours, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}, Deps{
		Logger:     slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Registerer: prometheus.NewRegistry(),
		Now:        func() time.Time { now = now.Add(time.Second); return now }, // at a pace that is admitted
	})
	if err != nil {
		f.Fatal(err)
	}
	handler := s.handler()

	f.Fuzz(func(t *testing.T, method, delivery, token, kind, fetchSite, origin, forwarded, agent, body string) {
		b := browserRequest{method, delivery, token, kind, fetchSite, origin, forwarded, agent, body}
		r, ok := b.http(t)
		if !ok {
			return
		}
		log.Reset()
		notify := &counting{}
		s.containment = notify
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)

		if got := w.Header().Get("Referrer-Policy"); got != "no-referrer" {
			t.Errorf("the answer's Referrer-Policy is %q", got)
		}
		if strings.HasPrefix(token, "cnt_planted") && !strings.Contains(delivery, token) && (strings.Contains(w.Body.String(), token) || strings.Contains(log.String(), token)) {
			t.Errorf("%d: page or log shows the token %q", w.Code, token)
		}
		if asked := notify.described; asked != nil {
			requireLink(t, b, asked.GetDeliveryId(), asked.GetContainToken())
		}
		if asked := notify.confirmed; asked != nil {
			requireLink(t, b, asked.GetDeliveryId(), asked.GetContainToken())
			requireClearNo(t, b)
			client := asked.GetClient()
			if !utf8.ValidString(client.GetUserAgent()) || len(client.GetUserAgent()) > 1024 {
				t.Errorf("user agent %q is passed on", client.GetUserAgent())
			}
			if _, err := netip.ParseAddr(client.GetIp()); client != nil && err != nil {
				t.Errorf("address %q is passed on", client.GetIp())
			}
		}
	})
}

func requireLink(t *testing.T, b browserRequest, delivery, token string) {
	t.Helper()
	if delivery != b.delivery || token != b.token {
		t.Errorf("the link %q, %q was passed on as %q, %q", b.delivery, b.token, delivery, token)
	}
	if delivery == "" || token == "" || len(delivery) > maxDelivery || len(token) > maxToken || url.PathEscape(delivery+token) != delivery+token {
		t.Errorf("%q, %q passed for a link", delivery, token)
	}
}

func requireClearNo(t *testing.T, b browserRequest) {
	t.Helper()
	fields, err := url.ParseQuery(b.body)
	if b.method != http.MethodPost || err != nil || strings.Join(fields["answer"], "|") != "no" || len(b.body) > maxBody {
		t.Errorf("%s of %q was taken for a no", b.method, b.body)
	}
	if !strings.HasPrefix(strings.ToLower(strings.TrimSpace(b.kind)), "application/x-www-form-urlencoded") {
		t.Errorf("%q was taken for our form", b.kind)
	}
	if b.fetchSite == "cross-site" || b.fetchSite == "same-site" || b.fetchSite == "" && strings.Contains(b.origin, "evil.example") {
		t.Errorf("another site's form was taken: Sec-Fetch-Site %q, Origin %q", b.fetchSite, b.origin)
	}
}
