package inbox

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
)

// get asks the inbox's page; the host, if any, replaces the Host header.
func get(t *testing.T, box *Inbox, path, host string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(deadline(t), http.MethodGet, "http://"+box.WebAddr()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = host
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

const hostile = "From: a@example.com\r\nSubject: <script>alert(1)</script>\r\n" +
	"Content-Type: text/html; charset=utf-8\r\n\r\n" +
	"<script>alert(2)</script><a href=\"https://example.com/x?a=1\">go</a>\r\n"

func TestPagesEscapeAndFrameHostileMail(t *testing.T) {
	box := start(t, Config{})
	send(t, box, "ann@example.com", hostile)

	for _, path := range []string{"/", "/messages/1"} {
		response, body := get(t, box, path, "")
		if response.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s", path, response.Status)
		}
		if strings.Contains(body, "<script>") || !strings.Contains(body, "&lt;script&gt;") {
			t.Errorf("%s doesn't escape the subject:\n%s", path, body)
		}
		if policy := response.Header.Get("Content-Security-Policy"); policy != pagePolicy || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: policy %q", path, policy)
		}
	}
	_, page := get(t, box, "/messages/1", "")
	for _, want := range []string{`sandbox="allow-popups`, `href="https://example.com/x?a=1"`, "ann@example.com"} {
		if !strings.Contains(page, want) {
			t.Errorf("the message's page lacks %s", want)
		}
	}
	response, body := get(t, box, "/messages/1/html", "")
	policy := response.Header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "sandbox") || strings.Contains(policy, "allow-scripts") || strings.Contains(policy, "allow-same-origin") {
		t.Errorf("a mail's HTML isn't sandboxed: %q", policy)
	}
	if !strings.Contains(body, "alert(2)") {
		t.Errorf("a mail's HTML isn't shown as it came: %q", body)
	}
}

func TestJSONListsByRecipientAndAfter(t *testing.T) {
	box := start(t, Config{})
	send(t, box, "ann@example.com", plain("one", "1"))
	send(t, box, "bob@example.com", plain("two", "2"))
	send(t, box, "ann@example.com", plain("three", "3"))

	tests := map[string]string{
		"":                            "one two three",
		"?to=ann@example.com":         "one three",
		"?to=ANN@example.com&after=1": "three",
		"?after=2":                    "three",
		"?after=3":                    "",
		"?after=9223372036854775807":  "",
		"?to=nobody@example.com":      "",
	}
	for query, want := range tests {
		_, body := get(t, box, "/messages.json"+query, "")
		var list struct {
			Messages []Message `json:"messages"`
		}
		if err := json.Unmarshal([]byte(body), &list); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		var subjects []string
		for _, message := range list.Messages {
			subjects = append(subjects, message.Subject)
		}
		if got := strings.Join(subjects, " "); got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
		if list.Messages == nil {
			t.Errorf("%s: null, want a list", query)
		}
	}
}

func TestPagesRefuseWhatTheyDontKnow(t *testing.T) {
	box := start(t, Config{})
	tests := map[string]int{
		"/messages/7":             http.StatusNotFound,
		"/messages/x":             http.StatusNotFound,
		"/messages/7/html":        http.StatusNotFound,
		"/messages.json?after=x":  http.StatusBadRequest,
		"/messages.json?after=-1": http.StatusBadRequest,
		"/anything":               http.StatusNotFound,
		"/page/list.html":         http.StatusNotFound,
		"/style.css":              http.StatusOK,
	}
	for path, want := range tests {
		if response, _ := get(t, box, path, ""); response.StatusCode != want {
			t.Errorf("%s: %s, want %d", path, response.Status, want)
		}
	}
}

// A site that points its name at 127.0.0.1 must not read the codes.
func TestPagesRefuseForeignNamesOnLoopback(t *testing.T) {
	box := start(t, Config{})
	send(t, box, "ann@example.com", plain("code", "123456"))
	for host, want := range map[string]int{
		"evil.example":           http.StatusMisdirectedRequest,
		"localhost.evil.example": http.StatusMisdirectedRequest,
		"localhost:7406":         http.StatusOK,
		"127.0.0.1:7406":         http.StatusOK,
	} {
		response, body := get(t, box, "/messages.json", host)
		if response.StatusCode != want || (want != http.StatusOK && strings.Contains(body, "123456")) {
			t.Errorf("Host %s: %s, want %d", host, response.Status, want)
		}
	}
	remote := start(t, Config{AllowRemote: true})
	if response, _ := get(t, remote, "/", "inbox.example"); response.StatusCode != http.StatusOK {
		t.Errorf("with remote access: %s", response.Status)
	}
}
