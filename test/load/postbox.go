package load

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/doorward/doorward/internal/inbox"
)

const (
	// collect is how often the inbox is read.
	collect = 100 * time.Millisecond
	// inboxKeeps is how many mails it holds, and so how many may be read again.
	inboxKeeps = 500
	// maxCodesWaiting bounds the codes that nobody has read yet.
	maxCodesWaiting = 8
	// maxMail bounds an answer of the inbox.
	maxMail = 64 << 20
)

// sixDigits is a code in a mail's text.
var sixDigits = regexp.MustCompile(`\b[0-9]{6}\b`)

// Mail is one that arrived, as far as anybody counts it.
type Mail struct {
	MessageID, To, Subject string
	Received               time.Time
}

// postbox reads every mail that comes, once.
type postbox struct {
	page string
	web  *http.Client

	mu      sync.Mutex
	waiting map[string]chan string // codes, by address
	mails   []Mail
	after   int // the inbox's number of the last that was read
}

func newPostbox(page string) *postbox {
	return &postbox{page: page, web: &http.Client{Timeout: callTimeout}, waiting: make(map[string]chan string)}
}

// Mails are all that arrived while the load ran, and what was collected since.
func (g *Generator) Mails() []Mail {
	g.postbox.mu.Lock()
	defer g.postbox.mu.Unlock()
	return append([]Mail(nil), g.postbox.mails...)
}

// Collect reads what has arrived by now. Run does it by itself while it runs.
func (g *Generator) Collect(ctx context.Context) error { return g.postbox.read(ctx) }

func (p *postbox) run(ctx context.Context) {
	ticker := time.NewTicker(collect)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			if err := p.read(ctx); err != nil {
				p.restart()
			}
		case <-ctx.Done():
			return
		}
	}
}

// restart has everything read again that the inbox holds: one that was started anew counts from 1.
func (p *postbox) restart() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.after = 0
}

func (p *postbox) read(ctx context.Context) error {
	p.mu.Lock()
	after := p.after
	p.mu.Unlock()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet,
		p.page+"/messages.json?"+url.Values{"after": {strconv.Itoa(after)}}.Encode(), nil)
	if err != nil {
		return err
	}
	response, err := p.web.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("load: the inbox answers %d", response.StatusCode)
	}
	var answer struct{ Messages []inbox.Message }
	if err := json.NewDecoder(http.MaxBytesReader(nil, response.Body, maxMail)).Decode(&answer); err != nil {
		return fmt.Errorf("load: read the inbox: %w", err)
	}
	for _, m := range answer.Messages {
		p.take(m)
	}
	return nil
}

func (p *postbox) take(m inbox.Message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.after = m.ID
	for _, to := range m.To {
		mail := Mail{MessageID: m.MessageID, To: to, Subject: m.Subject, Received: m.Received}
		if slices.Contains(p.mails[max(0, len(p.mails)-inboxKeeps):], mail) {
			continue // read before a restart
		}
		p.mails = append(p.mails, mail)
		code := sixDigits.FindString(m.Text)
		if waiting, ok := p.waiting[to]; ok && code != "" {
			select {
			case waiting <- code:
			default: // more than anybody asked for
			}
		}
	}
}

// expectation is an address whose codes somebody waits for. One person does one thing at a time, so there is one at most for an address.
type expectation struct {
	postbox *postbox
	address string
	codes   chan string
}

func (p *postbox) expect(address string) *expectation {
	p.mu.Lock()
	defer p.mu.Unlock()
	e := &expectation{postbox: p, address: address, codes: make(chan string, maxCodesWaiting)}
	p.waiting[address] = e.codes
	return e
}

// next is false when no code came in time.
func (e *expectation) next(ctx context.Context, within time.Duration) (string, bool) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	select {
	case code := <-e.codes:
		return code, true
	case <-ctx.Done():
		return "", false
	}
}

func (e *expectation) end() {
	e.postbox.mu.Lock()
	defer e.postbox.mu.Unlock()
	delete(e.postbox.waiting, e.address)
}
