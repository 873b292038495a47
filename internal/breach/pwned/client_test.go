package pwned_test

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/doorward/doorward/internal/breach"
	"github.com/doorward/doorward/internal/breach/pwned"
	"github.com/doorward/doorward/internal/secret"
)

// The SHA-1 of "password", and others of its range.
var (
	known  = breach.HashOf(secret.Wrap("password"))
	prefix = "5BAA6"
	suffix = "1E4C9B93F3F0682250B6CF8331B7EE68FD8"
	zeros  = strings.Repeat("0", 35)
	ones   = strings.Repeat("1", 35)
)

const answer = "003D68EB55068C33ACE09247EE4C639306B:3\r\n1E4C9B93F3F0682250B6CF8331B7EE68FD8:3730471\r\n01330C689E5D64F660D6947A93AD634EF8F:0"

// clock is moved by the test.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) read() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// serve starts a range API and a client for it.
func serve(t *testing.T, handler http.HandlerFunc) (*pwned.Client, *clock, *prometheus.Registry) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	c, metrics := &clock{now: time.Unix(1_800_000_000, 0)}, prometheus.NewRegistry()
	client, err := pwned.New(pwned.Config{Host: server.URL, Now: c.read, Registerer: metrics})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client, c, metrics
}

func says(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) }
}

func TestFiveDigitsGoOut(t *testing.T) {
	var got *http.Request
	client, _, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = r.Clone(context.Background())
		fmt.Fprint(w, answer)
	})
	count, err := client.Count(t.Context(), known)
	if count != 3730471 || err != nil {
		t.Errorf("Count = %d, %v", count, err)
	}
	if got.Method != http.MethodGet || got.RequestURI != "/range/"+prefix || got.UserAgent() != "doorward" || got.Header.Get("Add-Padding") != "true" {
		t.Errorf("asked %s %s as %q, padding %q", got.Method, got.RequestURI, got.UserAgent(), got.Header.Get("Add-Padding"))
	}
	for name, values := range got.Header {
		if strings.Contains(strings.ToUpper(strings.Join(values, " ")), suffix[:10]) {
			t.Errorf("the header %s has the other digits", name)
		}
	}
}

func TestAnswersAreReadWhole(t *testing.T) {
	for name, c := range map[string]struct {
		answer string
		count  int
		err    string
	}{
		"seen":                     {answer, 3730471, ""},
		"seen, in lower case":      {strings.ToLower(answer), 3730471, ""},
		"never seen":               {zeros + ":3\n" + ones + ":5\n", 0, ""},
		"padding isn't seen":       {zeros + ":3\r\n" + suffix + ":0\r\n", 0, ""},
		"an empty line at the end": {suffix + ":7\r\n\r\n", 7, ""},
		"nothing":                  {"", 0, "is empty"},
		"empty lines":              {"\r\n\r\n", 0, "is empty"},
		"a page":                   {"<html><body>Sign in to the network</body></html>", 0, "isn't a range"},
		"a long page":              {strings.Repeat("x", 200_000), 0, "isn't a range"},
		"a line without count":     {suffix + ":7\r\n" + zeros, 0, "isn't 35 digits"},
		"a line with a minus":      {zeros + ":3\n" + suffix + ":-7\n", 0, "isn't 35 digits"},
		"a line with a plus":       {zeros + ":3\n" + suffix + ":+7\n", 0, "isn't 35 digits"},
		"a digit too few":          {zeros + ":3\n" + suffix[1:] + ":7\n", 0, "isn't 35 digits"},
		"huge":                     {strings.Repeat(zeros+":3\r\n", 30_000), 0, "longer than any range"},
	} {
		t.Run(name, func(t *testing.T) {
			client, _, _ := serve(t, says(c.answer))
			count, err := client.Count(t.Context(), known)
			if c.err == "" {
				if count != c.count || err != nil {
					t.Errorf("Count = %d, %v; want %d", count, err, c.count)
				}
				return
			}
			refuses(t, count, err, c.err)
		})
	}
}

// refuses demands an error that has some words, and no digit of the hash or its address.
func refuses(t *testing.T, count int, err error, want string) {
	t.Helper()
	if err == nil || count != 0 || !strings.Contains(err.Error(), want) {
		t.Fatalf("Count = %d, %v; want %q", count, err, want)
	}
	text := strings.ToUpper(err.Error())
	for _, digits := range []string{prefix, suffix[:6], suffix[29:], hex.EncodeToString(known[:4]), "HTTP://"} {
		if strings.Contains(text, digits) {
			t.Errorf("the error has %s: %v", digits, err)
		}
	}
}

func TestOtherAnswersAreFailures(t *testing.T) {
	var elsewhere atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		elsewhere.Add(1)
		fmt.Fprint(w, answer)
	}))
	t.Cleanup(other.Close)
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		want    string
	}{
		"an error":          {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }, "500 Internal Server Error"},
		"too many requests": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) }, "429"},
		"not there":         {http.NotFound, "404"},
		"a redirect":        {http.RedirectHandler(other.URL+"/range/"+prefix, http.StatusFound).ServeHTTP, "302"},
		"a redirect to nowhere": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "http://%zz"+r.RequestURI)
			w.WriteHeader(http.StatusMovedPermanently)
		}, "301"},
		"a connection cut off": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "EOF"},
		"an answer that breaks off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			fmt.Fprint(w, zeros+":3\r\n")
		}, "broke off"},
	} {
		t.Run(name, func(t *testing.T) {
			client, _, _ := serve(t, c.handler)
			count, err := client.Count(t.Context(), known)
			refuses(t, count, err, c.want)
		})
	}
	if elsewhere.Load() > 0 {
		t.Error("a redirect to another host was followed")
	}
}

// TestAnswerHasTwoSeconds, from a host that sends a line now and then and never ends.
func TestAnswerHasTwoSeconds(t *testing.T) {
	client, _, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, zeros+":3\r\n")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	began := time.Now()
	count, err := client.Count(t.Context(), known)
	if took := time.Since(began); took < 1900*time.Millisecond || took > 10*time.Second {
		t.Errorf("answered after %v, want two seconds", took)
	}
	refuses(t, count, err, "deadline exceeded")
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("err = %v, want a deadline", err)
	}
}

func TestBreakerSparesWhoeverWaits(t *testing.T) {
	asked, down := 0, true
	client, now, metrics := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if asked++; down {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		fmt.Fprint(w, answer)
	})
	count := func() error {
		_, err := client.Count(t.Context(), known)
		return err
	}
	for range 20 {
		if err := count(); err == nil {
			t.Fatal("an answer from a host that is down")
		}
	}
	if asked != 5 || !errors.Is(count(), pwned.ErrDown) {
		t.Errorf("asked %d times, want 5", asked)
	}
	expectOpen(t, metrics, "1")
	now.move(10 * time.Second)
	if err := count(); asked != 6 || errors.Is(err, pwned.ErrDown) || !errors.Is(count(), pwned.ErrDown) {
		t.Errorf("after the pause asked %d times: %v", asked, err)
	}
	now.move(10 * time.Second)
	down = false
	if err := errors.Join(count(), count()); err != nil {
		t.Error(err)
	}
	expectOpen(t, metrics, "0")
}

func expectOpen(t *testing.T, metrics *prometheus.Registry, value string) {
	t.Helper()
	want := "# HELP doorward_breach_range_breaker_open 1 while the range API of breached passwords isn't asked because it gave no good answer, else 0.\n" +
		"# TYPE doorward_breach_range_breaker_open gauge\ndoorward_breach_range_breaker_open " + value + "\n"
	if err := testutil.GatherAndCompare(metrics, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
}

// TestCallersWhoLeaveSayNothing: they can't switch the check off for everybody.
func TestCallersWhoLeaveSayNothing(t *testing.T) {
	client, _, _ := serve(t, says(answer))
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for range 20 {
		if _, err := client.Count(gone, known); !errors.Is(err, context.Canceled) {
			t.Fatalf("err = %v", err)
		}
	}
	if count, err := client.Count(t.Context(), known); count == 0 || err != nil {
		t.Errorf("Count = %d, %v", count, err)
	}
}

// TestReadyAsksWhenTheLastGoodAnswerIsOld, about another range each time.
func TestReadyAsksWhenTheLastGoodAnswerIsOld(t *testing.T) {
	var asked []string
	down := false
	client, now, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if asked = append(asked, r.URL.Path); down {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		fmt.Fprint(w, answer)
	})
	step := func(what string, calls int, want error) {
		t.Helper()
		before := len(asked)
		if err := client.Ready(t.Context()); (err == nil) != (want == nil) || errors.Is(want, pwned.ErrDown) && !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
		if n := len(asked) - before; n != calls {
			t.Errorf("%s: %d calls, want %d", what, n, calls)
		}
	}
	count := func() {
		t.Helper()
		if _, err := client.Count(t.Context(), known); (err != nil) != down {
			t.Errorf("Count: %v", err)
		}
	}
	someFailure := errors.New("any")
	step("nobody has asked yet", 1, nil)
	step("just asked", 0, nil)
	now.move(5 * time.Second)
	step("five seconds later", 1, nil)
	now.move(4 * time.Second)
	count()
	now.move(4 * time.Second)
	step("soon after a password was looked up", 0, nil)
	now.move(-time.Hour)
	step("after the clock was set back", 1, nil)
	down = true
	step("it went down, and nobody has noticed", 0, nil)
	count()
	for n := range 4 {
		step(fmt.Sprintf("after failure %d", n+1), 1, someFailure)
	}
	step("after five", 0, pwned.ErrDown)
	now.move(10 * time.Second)
	down = false
	step("it is back, and the pause over", 1, nil)
	count()
	if len(asked) != 11 {
		t.Errorf("%d calls, want 11: %v", len(asked), asked)
	}
	slices.Sort(asked)
	if asked = slices.DeleteFunc(asked, func(path string) bool { return path == "/range/"+prefix }); len(slices.Compact(asked)) < 7 {
		t.Errorf("the same ranges over again: %v", asked)
	}
}

// TestAllWhoWantToKnowShareOneCall, and who hangs up ends it for nobody.
func TestAllWhoWantToKnowShareOneCall(t *testing.T) {
	for name, status := range map[string]int{"it is there": http.StatusOK, "it is down": http.StatusServiceUnavailable} {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int32
			begun, release := make(chan struct{}), make(chan struct{})
			client, _, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				if calls.Add(1) == 1 {
					close(begun)
				}
				<-release
				w.WriteHeader(status)
				fmt.Fprint(w, answer)
			})
			ctx, hangUp := context.WithCancel(t.Context())
			first, others := make(chan error, 1), make(chan error, 8)
			go func() { first <- client.Ready(ctx) }()
			<-begun
			hangUp()
			if err := client.Ready(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("who left is told %v", err)
			}
			for range cap(others) {
				go func() { others <- client.Ready(t.Context()) }()
			}
			close(release)
			for range cap(others) {
				if err := <-others; (err == nil) != (status == http.StatusOK) {
					t.Errorf("one of the others is told %v", err)
				}
			}
			if err := <-first; (err == nil) != (status == http.StatusOK) {
				t.Errorf("the first is told %v", err)
			}
			if n := calls.Load(); status == http.StatusOK && n != 1 {
				t.Errorf("%d calls, want 1", n)
			}
		})
	}
}

// Run with the race detector, as all tests are.
func TestManyAskAtOnce(t *testing.T) {
	client, _, _ := serve(t, says(answer))
	var all sync.WaitGroup
	for range 32 {
		all.Go(func() {
			if count, err := client.Count(t.Context(), known); count == 0 || err != nil {
				t.Errorf("Count = %d, %v", count, err)
			}
		})
	}
	all.Wait()
}

func TestHosts(t *testing.T) {
	for host, want := range map[string]bool{
		pwned.DefaultHost: true, "https://mirror.internal:8443/hibp": true, "http://127.0.0.1:8080": true, "http://[::1]:8080": true, "http://localhost": true,
		"": false, "api.pwnedpasswords.com": false, "http://api.pwnedpasswords.com": false, "ftp://127.0.0.1": false, "https://": false,
		"https://user:secret@mirror.internal": false, "https://mirror.internal?x=1": false, "https://mirror.internal#x": false, "http://127.0.0.1.example.com": false, "https://a b": false,
	} {
		client, err := pwned.New(pwned.Config{Host: host, Now: time.Now, Registerer: prometheus.NewRegistry()})
		if (err == nil) != want || (client != nil) != want {
			t.Errorf("%s: %v", host, err)
		}
		if err != nil && (strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), pwned.DefaultHost)) {
			t.Errorf("the error shows what it shouldn't, or not what to do: %v", err)
		}
	}
	if _, err := pwned.New(pwned.Config{Host: pwned.DefaultHost}); err == nil {
		t.Error("a client without a clock")
	}
}

func TestMirrorsMayHaveAPath(t *testing.T) {
	var path string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path = r.URL.Path
		fmt.Fprint(w, answer)
	}))
	t.Cleanup(server.Close)
	client, err := pwned.New(pwned.Config{Host: server.URL + "/hibp/", Now: time.Now, Registerer: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	if _, err := client.Count(t.Context(), known); err != nil || path != "/hibp/range/"+prefix {
		t.Errorf("asked %s, %v", path, err)
	}
}
