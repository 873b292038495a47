package inbox

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"
)

// pipeListener accepts one connection in memory.
type pipeListener struct {
	conn   chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conn:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

// watched says when the server has closed its side.
type watched struct {
	net.Conn
	ended chan struct{}
	once  sync.Once
}

func (w *watched) Close() error {
	err := w.Conn.Close()
	w.once.Do(func() { close(w.ended) })
	return err
}

// converse says all of it to a new server, hangs up, and returns what the server answered, when it too has ended.
func converse(t *testing.T, box *mailbox, said string) string {
	t.Helper()
	ours, theirs := net.Pipe()
	server := newSMTPServer(Config{}.withDefaults(), box)
	listener := &pipeListener{conn: make(chan net.Conn, 1), closed: make(chan struct{})}
	connection := &watched{Conn: theirs, ended: make(chan struct{})}
	listener.conn <- connection
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()

	answered := make(chan string, 1)
	go func() {
		answers, _ := io.ReadAll(ours) // it ends when either side hangs up
		answered <- string(answers)
	}()
	_, _ = io.WriteString(ours, said) // the server may hang up first
	_ = ours.Close()
	<-connection.ended
	_ = server.Close()
	_ = listener.Close()
	if err := <-served; err != nil && !errors.Is(err, net.ErrClosed) {
		t.Errorf("the server ended with %v", err)
	}
	return <-answered
}

// FuzzSMTP says anything to the SMTP server. It survives, keeps a mail only after it was given one whole, and what it keeps can be shown: text,
// to no more recipients than are allowed.
func FuzzSMTP(f *testing.F) {
	const hello, envelope = "EHLO x\r\n", "MAIL FROM:<a@x.example>\r\nRCPT TO:<b@x.example>\r\n"
	for _, said := range []string{
		hello + envelope + "DATA\r\nSubject: a\r\n\r\nhttps://x.example/\r\n.\r\nQUIT\r\n",
		hello + envelope + "DATA\r\n" + alternative + ".\r\n" + envelope + "DATA\r\nx\r\n.\r\n",
		hello + "MAIL FROM:<\xff@x> SMTPUTF8\r\nRCPT TO:<\xfe@x>\r\nDATA\r\n\r\n\r\n.\r\n",
		hello + envelope + "RSET\r\nDATA\r\nRCPT TO:<>\r\nMAIL FROM:<> SIZE=99999999999\r\n",
		hello + envelope + strings.Repeat("RCPT TO:<c@x.example>\r\n", maxRecipients) + "DATA\r\nFrom: x\r\n\r\ny\r\n.\r\n",
		hello + envelope + "BDAT 5 LAST\r\nA: b\n\r\n",
		"HELO\r\nVRFY x\r\nAUTH PLAIN AAAA\r\nSTARTTLS\r\n",
	} {
		f.Add(said)
	}
	f.Fuzz(func(t *testing.T, said string) {
		box := newMailbox()
		answers := converse(t, box, said)
		kept := box.list()
		if most := strings.Count(said, "\n") / 3; len(kept) > most {
			t.Errorf("%d mails of %d lines", len(kept), 3*most)
		}
		if answers != "" && !strings.HasPrefix(answers, "220 ") {
			t.Errorf("the server greets with %.40q", answers)
		}
		for _, message := range kept {
			requireShowable(t, message)
		}
	})
}

// requireShowable fails unless a kept mail is within bounds and text that JSON can hold as it is.
func requireShowable(t *testing.T, message Message) {
	t.Helper()
	if len(message.To) == 0 || len(message.To) > maxRecipients || len(message.Links) > maxLinks || message.size() > 8*maxMessageBytes {
		t.Errorf("%d recipients, %d links, %d bytes", len(message.To), len(message.Links), message.size())
	}
	for _, field := range append([]string{message.From, message.Subject, message.MessageID, message.Text, message.HTML}, message.To...) {
		if !utf8.ValidString(field) {
			t.Errorf("%q isn't UTF-8", field)
		}
	}
	encoded, err := json.Marshal(message)
	if err != nil {
		t.Fatal(err)
	}
	var decoded Message
	if err := json.Unmarshal(encoded, &decoded); err != nil || decoded.Text != message.Text {
		t.Errorf("JSON changes the mail: %v", err)
	}
}
