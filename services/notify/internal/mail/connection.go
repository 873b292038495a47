package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"net"

	gomail "github.com/wneessen/go-mail"
)

// maxReplies bounds what a server may say during one Send.
const maxReplies = 1 << 20

var errTalkative = errors.New("the SMTP server says more than a mail needs")

// dial opens the connection and ties it to the Send's context. The library renews the
// connection's deadline as it goes and doesn't look at the context after dialling, so a
// server that answers a byte at a time could hold us; closing the connection
// when the context ends bounds all of it, and frees it in every case.
func (s *Sender) dial(ctx context.Context) gomail.DialContextFunc {
	return func(_ context.Context, network, address string) (net.Conn, error) {
		var dialer net.Dialer
		opened, err := dialer.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		context.AfterFunc(ctx, func() { _ = opened.Close() })
		connection := &boundedConn{Conn: opened, left: maxReplies}
		if s.config.TLS != ImplicitTLS {
			return connection, nil
		}
		secured := tls.Client(connection, s.tlsConfig())
		if err := secured.HandshakeContext(ctx); err != nil {
			return nil, err
		}
		return secured, nil
	}
}

// boundedConn stops reading after a number of bytes: a reply of many lines is
// gathered in memory, and nothing else ends it. Read is called from one goroutine.
type boundedConn struct {
	net.Conn
	left int
}

var _ net.Conn = (*boundedConn)(nil)

// Read fails once the bound is reached.
func (c *boundedConn) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, errTalkative
	}
	if len(p) > c.left {
		p = p[:c.left]
	}
	n, err := c.Conn.Read(p)
	c.left -= n
	return n, err
}
