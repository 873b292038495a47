package portal_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/doorward/doorward/services/portal"
)

// Every answer has these, whatever it is.
var headers = map[string]string{
	"Content-Security-Policy":      "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
	"X-Frame-Options":              "DENY",
	"X-Content-Type-Options":       "nosniff",
	"Referrer-Policy":              "no-referrer",
	"Cache-Control":                "no-store",
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Permissions-Policy":           "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), publickey-credentials-get=(), usb=()",
	"X-Robots-Tag":                 "noindex, nofollow, noarchive",
	"Strict-Transport-Security":    "",
	"Set-Cookie":                   "",
	"Server":                       "",
}

func TestEveryAnswerHasStrictHeaders(t *testing.T) {
	s := start(t, nil)
	crossSite := map[string]string{"Sec-Fetch-Site": "cross-site"}
	answers := []struct {
		name   string
		got    page
		status int
		kind   string
	}{
		{"the question", s.get(t, goodPath), 200, "text/html"},
		{"HEAD", s.do(t, s.request(t, http.MethodHead, goodPath, "")), 200, "text/html"},
		{"no answer", s.post(t, goodPath, ""), 422, "text/html"},
		{"yes", s.post(t, goodPath, "answer=yes"), 200, "text/html"},
		{"no", s.post(t, goodPath, "answer=no"), 200, "text/html"},
		{"a wrong link", s.get(t, goodPath+"x"), 404, "text/html"},
		{"another path", s.get(t, "/favicon.ico"), 404, "text/html"},
		{"another method", s.do(t, s.request(t, http.MethodPut, goodPath, "")), 405, "text/plain"},
		{"another site's form", s.do(t, s.form(t, goodPath, "answer=no", crossSite)), 403, "text/html"},
		{"a path to be cleaned", s.get(t, "//contain/x/y"), 307, "text/html"},
		{"the style sheet", s.get(t, "/style.css"), 200, "text/css"},
		{"health", s.get(t, portal.HealthPath), 200, "text/plain"},
	}
	s.stopNotify()
	answers = append(answers, struct {
		name   string
		got    page
		status int
		kind   string
	}{"notify away", s.get(t, goodPath), 503, "text/html"})
	for _, answer := range answers {
		t.Run(answer.name, func(t *testing.T) {
			if answer.got.status != answer.status {
				t.Errorf("status %d, want %d", answer.got.status, answer.status)
			}
			if kind := answer.got.header.Get("Content-Type"); !strings.HasPrefix(kind, answer.kind) {
				t.Errorf("Content-Type %q, want %s", kind, answer.kind)
			}
			for name, want := range headers {
				if got := strings.Join(answer.got.header.Values(name), " | "); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
		})
	}
}

func TestPublicHTTPSKeepsBrowsersOnIt(t *testing.T) {
	s := start(t, func(cfg *portal.Config) { cfg.URL = "https://id.example.com" })
	for _, path := range []string{goodPath, "/style.css", "/nothing"} {
		if got := s.get(t, path).header.Get("Strict-Transport-Security"); got != "max-age=63072000" {
			t.Errorf("%s: %q", path, got)
		}
	}
}

func TestPagesLoadNothingFromElsewhere(t *testing.T) {
	s := start(t, nil)
	pages := []page{
		s.get(t, goodPath), s.post(t, goodPath, ""), s.post(t, goodPath, "answer=yes"), s.post(t, goodPath, "answer=no"),
		s.get(t, "/nothing"), s.do(t, s.form(t, goodPath, "", map[string]string{"Sec-Fetch-Site": "cross-site"})),
	}
	for _, page := range pages {
		for _, never := range []string{"<script", "style=\"", "<style", "<img", "http:", "https:", "<iframe", " onload", " onclick"} {
			if strings.Contains(page.body, never) {
				t.Errorf("a page has %q:\n%s", never, page.body)
			}
		}
		for _, want := range []string{`name="viewport"`, `lang="en"`, "<title>", "<h1>"} {
			if !strings.Contains(page.body, want) {
				t.Errorf("a page lacks %s:\n%s", want, page.body)
			}
		}
	}
}

func TestFormsOfOtherSitesAreRefused(t *testing.T) {
	tests := map[string]struct {
		headers map[string]string
		want    int
	}{
		"a browser of today":                     {nil, 200},
		"its address bar":                        {map[string]string{"Sec-Fetch-Site": "none", "Origin": ""}, 200},
		"an older one":                           {map[string]string{"Sec-Fetch-Site": ""}, 200},
		"an older one, with our origin":          {map[string]string{"Sec-Fetch-Site": "", "Origin": "https://id.example.com"}, 200},
		"no browser":                             {map[string]string{"Sec-Fetch-Site": "", "Origin": ""}, 200},
		"another site":                           {map[string]string{"Sec-Fetch-Site": "cross-site"}, 403},
		"a neighbour":                            {map[string]string{"Sec-Fetch-Site": "same-site"}, 403},
		"another site, whose Origin is null":     {map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "null"}, 403},
		"another site, in an older browser":      {map[string]string{"Sec-Fetch-Site": "", "Origin": "https://evil.example"}, 403},
		"a name like ours, in an older browser":  {map[string]string{"Sec-Fetch-Site": "", "Origin": "https://id.example.com.evil.example"}, 403},
		"our name without https, older browser":  {map[string]string{"Sec-Fetch-Site": "", "Origin": "http://id.example.com"}, 403},
		"what no browser says of itself":         {map[string]string{"Sec-Fetch-Site": "sideways"}, 403},
		"no browser, with an Origin of nonsense": {map[string]string{"Sec-Fetch-Site": "", "Origin": "%"}, 403},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := start(t, func(cfg *portal.Config) { cfg.URL = "https://id.example.com" })
			got := s.do(t, s.form(t, goodPath, "answer=no", test.headers))
			if got.status != test.want {
				t.Errorf("%d, want %d", got.status, test.want)
			}
			if _, confirmed := s.notify.asked(); confirmed > 0 != (test.want == 200) {
				t.Errorf("confirmed %d times", confirmed)
			}
		})
	}
}

func TestBodiesThatArentOurFormAreRefused(t *testing.T) {
	s := start(t, nil)
	tests := map[string]struct {
		kind, body string
		want       int
	}{
		"too big":          {"application/x-www-form-urlencoded", "answer=no&x=" + strings.Repeat("x", 4<<10), 413},
		"as big as may be": {"application/x-www-form-urlencoded", "answer=no&x=" + strings.Repeat("x", 4<<10-12), 200},
		"JSON":             {"application/json", `{"answer":"no"}`, 415},
		"multipart":        {"multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"answer\"\r\n\r\nno\r\n--b--\r\n", 415},
		"plain text":       {"text/plain", "answer=no", 415},
		"no type":          {"", "answer=no", 415},
		"with a charset":   {"application/x-www-form-urlencoded; charset=UTF-8", "answer=no", 200},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, before := s.notify.asked()
			got := s.do(t, s.form(t, goodPath, test.body, map[string]string{"Content-Type": test.kind}))
			if got.status != test.want {
				t.Errorf("%d, want %d", got.status, test.want)
			}
			if _, after := s.notify.asked(); after > before != (test.want == 200) {
				t.Errorf("confirmed %d times", after-before)
			}
		})
	}
}

func TestTokenIsInNoLogNoMetricAndNoSpan(t *testing.T) {
	s := start(t, nil)
	s.get(t, goodPath)
	s.post(t, goodPath, "")
	r := s.form(t, goodPath, "answer=no", map[string]string{"Referer": s.url + goodPath, "User-Agent": goodToken})
	s.do(t, r)
	s.get(t, goodPath+"x")
	s.get(t, "//contain/"+goodDelivery+"/"+goodToken)
	s.do(t, s.request(t, http.MethodPut, goodPath, ""))
	s.stopNotify()
	s.get(t, goodPath)
	s.post(t, goodPath, "answer=no")

	log := s.log.String()
	if strings.Contains(log, goodToken) {
		t.Errorf("the log has the token:\n%s", log)
	}
	if n := strings.Count(log, `"request answered"`); n != 8 {
		t.Errorf("%d requests in the access log, want 8:\n%s", n, log)
	}
	families, err := s.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if strings.Contains(family.String(), goodToken) {
			t.Errorf("the metric %s has the token", family.GetName())
		}
	}
	for _, span := range s.spans.Ended() {
		if text := fmt.Sprintf("%s %v %v %v", span.Name(), span.Attributes(), span.Status(), span.Events()); strings.Contains(text, goodToken) {
			t.Errorf("a span has the token: %s", text)
		}
	}
}

// Whoever reaches the portal could otherwise have all of a deployment's traces hang on one of their own.
func TestTracesBeginAtThePortal(t *testing.T) {
	s := start(t, nil)
	r := s.request(t, http.MethodGet, goodPath, "")
	r.Header.Set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	s.do(t, r)
	names := map[string]bool{}
	for _, span := range s.spans.Ended() {
		names[span.Name()] = true
		if span.SpanContext().TraceID().String() == "0af7651916cd43dd8448eb211c80319c" {
			t.Errorf("the span %s hangs on the browser's trace", span.Name())
		}
	}
	if !names["GET /contain/{delivery}/{token}"] || !names["doorward.notify.v1.ContainmentService/DescribeContainment"] {
		t.Errorf("spans %v, want the request's and the question's to notify", names)
	}
}

func TestRequestsAreCountedByRoute(t *testing.T) {
	s := start(t, nil)
	s.get(t, goodPath)
	s.get(t, goodPath+"x")
	s.post(t, goodPath, "answer=no")
	s.get(t, "/one")
	s.get(t, "/two")
	s.do(t, s.request(t, "BREW", goodPath, ""))
	const want = `
# HELP doorward_portal_requests_total Requests answered, by route and HTTP status.
# TYPE doorward_portal_requests_total counter
doorward_portal_requests_total{code="200",route="GET /contain/{delivery}/{token}"} 1
doorward_portal_requests_total{code="200",route="POST /contain/{delivery}/{token}"} 1
doorward_portal_requests_total{code="404",route="GET /contain/{delivery}/{token}"} 1
doorward_portal_requests_total{code="404",route="none"} 2
doorward_portal_requests_total{code="405",route="none"} 1
`
	if err := testutil.GatherAndCompare(s.metrics, strings.NewReader(want), "doorward_portal_requests_total"); err != nil {
		t.Error(err)
	}
}

func TestHeadersAreBounded(t *testing.T) {
	s := start(t, nil)
	r := s.request(t, http.MethodGet, goodPath, "")
	r.Header.Set("X-Long", strings.Repeat("x", 32<<10))
	// The server hangs up without reading on, so the answer may or may not come through.
	response, err := new(http.Transport).RoundTrip(r)
	if err == nil {
		defer response.Body.Close()
		if response.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("32 KiB of header: %s", response.Status)
		}
	}
	if described, _ := s.notify.asked(); described != 0 {
		t.Error("the request was handled")
	}
}

func TestStyleSheetLoadsNothing(t *testing.T) {
	body := start(t, nil).get(t, "/style.css").body
	for _, never := range []string{"url(", "@import", "@font-face"} {
		if strings.Contains(body, never) {
			t.Errorf("the style sheet has %s", never)
		}
	}
	if !strings.Contains(body, "prefers-color-scheme: dark") {
		t.Error("the style sheet has no dark colours")
	}
}
