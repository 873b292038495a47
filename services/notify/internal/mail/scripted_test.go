package mail

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// What a scripted server does instead of answering.
const (
	hang  = "hang"  // says nothing more, and keeps the connection
	drop  = "drop"  // closes the connection
	drip  = "drip"  // answers a byte now and then, without end
	flood = "flood" // answers without end
)

// scripted is an SMTP server that answers each command as told, and well where
// nothing is told. The steps are "greet", "EHLO", "MAIL", "RCPT", "DATA", "body" and "QUIT".
func scripted(t *testing.T, script map[string]string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var connections sync.WaitGroup
	connections.Go(func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			connections.Go(func() {
				defer connection.Close()
				serve(connection, script, stop)
			})
		}
	})
	t.Cleanup(func() {
		close(stop)
		_ = listener.Close()
		connections.Wait()
	})
	return listener.Addr().String()
}

func serve(connection net.Conn, script map[string]string, stop <-chan struct{}) {
	good := map[string]string{
		"greet": "220 ready", "EHLO": "250 hello", "MAIL": "250 ok", "RCPT": "250 ok",
		"DATA": "354 go on", "body": "250 accepted", "QUIT": "221 bye",
	}
	for step, answer := range script {
		good[step] = answer
	}
	lines := bufio.NewScanner(connection)
	step := "greet"
	for {
		if !answer(connection, good[step], stop) {
			return
		}
		inBody := step == "DATA" && strings.HasPrefix(good[step], "354")
		if !lines.Scan() {
			return
		}
		step, _, _ = strings.Cut(lines.Text(), " ")
		if inBody {
			for lines.Text() != "." && lines.Scan() {
			}
			step = "body"
		}
		if good[step] == "" {
			good[step] = "250 ok"
		}
	}
}

// answer tells whether the conversation goes on.
func answer(connection net.Conn, what string, stop <-chan struct{}) bool {
	switch what {
	case drop:
		return false
	case hang:
		<-stop
		return false
	case drip:
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return false
			case <-tick.C:
				if _, err := connection.Write([]byte("2")); err != nil {
					return false
				}
			}
		}
	case flood:
		for {
			if _, err := fmt.Fprint(connection, "250-and another line\r\n"); err != nil {
				return false
			}
		}
	default:
		_, err := fmt.Fprintf(connection, "%s\r\n", what)
		return err == nil
	}
}

// certificate makes a server's TLS material for 127.0.0.1 and the pool that trusts it.
func certificate(t *testing.T) (*tls.Config, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "mail"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:         true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}, pool
}
