package deployment

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/doorward/doorward/internal/inbox"
)

// web is the browser of everybody.
var web = &http.Client{Timeout: 10 * time.Second}

// Mail is one that arrived in the inbox.
type Mail = inbox.Message

// Mails lists what the inbox holds for an address, or for everybody: it keeps the last 500.
func (d *Deployment) Mails(to string) []Mail {
	d.t.Helper()
	response, err := d.get(d.url(portWeb) + "/messages.json?" + url.Values{"to": {to}}.Encode())
	must(d.t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	must(d.t, err)
	var answer struct{ Messages []Mail }
	must(d.t, json.Unmarshal(text, &answer))
	return answer.Messages
}

func (d *Deployment) get(page string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(d.t.Context(), http.MethodGet, page, nil)
	if err != nil {
		return nil, err
	}
	return web.Do(request)
}
