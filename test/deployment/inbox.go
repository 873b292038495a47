package deployment

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"time"
)

// web is the browser of everybody.
var web = &http.Client{Timeout: 10 * time.Second}

// Mail is one that arrived in the inbox.
type Mail struct {
	ID      int      `json:"id"`
	To      []string `json:"to"`
	Subject string   `json:"subject"`
	Text    string   `json:"text"`
	Links   []string `json:"links"`
}

// Mails lists what the inbox holds for an address, or for everybody: it keeps the last 500.
func (d *Deployment) Mails(to string) []Mail {
	d.t.Helper()
	response, err := web.Get(d.url(portWeb) + "/messages.json?" + url.Values{"to": {to}}.Encode())
	must(d.t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	must(d.t, err)
	var answer struct{ Messages []Mail }
	must(d.t, json.Unmarshal(text, &answer))
	return answer.Messages
}
