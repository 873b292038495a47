package certs

import (
	"crypto/ecdsa"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

const (
	// DefaultValidity is how long a leaf lives unless Options says otherwise.
	DefaultValidity = 365 * 24 * time.Hour
	// RenewBefore is how long before its end a leaf is renewed; for short-lived leaves it is a third of their life.
	RenewBefore = 30 * 24 * time.Hour

	caValidity = 10 * 365 * 24 * time.Hour
	// backdate lets a certificate be used at once where another machine's clock is a little behind.
	backdate = 5 * time.Minute
)

// Options says how Create issues.
type Options struct {
	Now         time.Time     // required
	Validity    time.Duration // of a leaf; 0 means DefaultValidity
	Hosts       []string      // more DNS names or IP addresses under which the servers are reached
	Development bool          // marks a new CA in its subject, so that production can refuse it
}

// validName is what a service may be called: what both a DNS label and a file name allow.
var validName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`)

// Authority is what Create calls the CA among what it made; no service can be called so.
const Authority = "ca"

// Create makes sure that dir holds a CA and a certificate for each name, and returns the names it issued for, with Authority
// before them when it made a new CA. It is safe to run again: it keeps certificates that are good, renews those about to
// expire or lacking a host, and never overwrites a CA. Where certificates lie without their CA it makes no other one.
func Create(dir string, names []string, opts Options) (issued []string, err error) {
	if opts.Validity == 0 {
		opts.Validity = DefaultValidity
	}
	if err := opts.check(names); err != nil {
		return nil, fmt.Errorf("certs: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("certs: %w", err)
	}
	authority, err := openAuthority(dir, names, opts)
	if err != nil {
		return nil, fmt.Errorf("certs: %w", err)
	}
	if authority.fresh {
		issued = append(issued, Authority)
	}
	for _, name := range names {
		if authority.good(dir, name, opts) {
			continue
		}
		if err := authority.issue(dir, name, opts); err != nil {
			return issued, fmt.Errorf("certs: %s: %w", name, err)
		}
		issued = append(issued, name)
	}
	return issued, nil
}

// Renew issues for the names anew, however good their certificates are. It makes no CA: there must be one, with its key.
func Renew(dir string, names []string, opts Options) error {
	if opts.Validity == 0 {
		opts.Validity = DefaultValidity
	}
	if err := opts.check(names); err != nil {
		return fmt.Errorf("certs: %w", err)
	}
	cert, err := readCert(filepath.Join(dir, "ca.pem"))
	if err != nil {
		return fmt.Errorf("certs: %w; make certificates with: doorward certs", err)
	}
	authority, err := existingAuthority(cert, filepath.Join(dir, "ca.key"), opts)
	if err != nil {
		return fmt.Errorf("certs: %w", err)
	}
	for _, name := range names {
		if err := authority.issue(dir, name, opts); err != nil {
			return fmt.Errorf("certs: %s: %w", name, err)
		}
	}
	return nil
}

func (o Options) check(names []string) error {
	if o.Now.IsZero() {
		return errors.New("the time is missing")
	}
	if o.Validity < time.Minute {
		return fmt.Errorf("a validity of %v is too short", o.Validity)
	}
	for _, name := range names {
		if !validName.MatchString(name) || name == Authority || name == "localhost" {
			return fmt.Errorf("%q can't be a service's name", name)
		}
		// A server that bore another's name could stand in for it.
		if slices.Contains(o.Hosts, name) {
			return fmt.Errorf("%q is a service's name and can't be a host of every service", name)
		}
	}
	for _, host := range o.Hosts {
		if host == "" || strings.ContainsAny(host, "*/: ") && net.ParseIP(host) == nil {
			return fmt.Errorf("%q is neither a DNS name nor an IP address", host)
		}
	}
	return nil
}

// authority is the CA's certificate and, where it is there, its key.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey // nil when ca.key is kept elsewhere
	// fresh says that nobody has known it before.
	fresh bool
}

// openAuthority reads the CA, or makes one where there is none. A key alone, as a crash between the two files leaves
// it, gets its certificate; a certificate alone stays as it is.
func openAuthority(dir string, names []string, opts Options) (*authority, error) {
	certPath, keyPath := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "ca.key")
	cert, err := readCert(certPath)
	if err == nil {
		return existingAuthority(cert, keyPath, opts)
	}
	if !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	key, err := readKey(keyPath)
	fresh := errors.Is(err, os.ErrNotExist)
	if fresh {
		if err := refuseOrphans(dir, names); err != nil {
			return nil, err
		}
		key, err = createKey(keyPath)
	}
	if err != nil {
		return nil, err
	}
	der, err := signCA(key, opts)
	if err != nil {
		return nil, err
	}
	if err := createCert(certPath, der); err != nil {
		return nil, err
	}
	cert, err = x509.ParseCertificate(der)
	return &authority{cert: cert, key: key, fresh: fresh}, err
}

// refuseOrphans refuses to make a CA beside another's certificates: whoever has a copy of that one's ca.pem would refuse what the new one
// signs.
func refuseOrphans(dir string, names []string) error {
	for _, name := range names {
		if _, err := os.Stat(filepath.Join(dir, name+".pem")); err == nil {
			return fmt.Errorf("%s holds certificates without their CA: bring ca.pem back, from a backup or from any service's copy; "+
				"to begin anew with another CA, move the directory away, and give the new ca.pem to all who have the old one", dir)
		}
	}
	return nil
}

func existingAuthority(cert *x509.Certificate, keyPath string, opts Options) (*authority, error) {
	if !cert.IsCA {
		return nil, errors.New("ca.pem is not a CA's certificate")
	}
	if !opts.Now.Before(cert.NotAfter) {
		return nil, errors.New("ca.pem has expired; move the directory away and create it again")
	}
	key, err := readKey(keyPath)
	if errors.Is(err, os.ErrNotExist) {
		return &authority{cert: cert}, nil
	}
	if err != nil {
		return nil, err
	}
	if !key.PublicKey.Equal(cert.PublicKey) {
		return nil, errors.New("ca.key is not the key of ca.pem")
	}
	return &authority{cert: cert, key: key}, nil
}

// good reports whether name's files need no new issue. Whatever is wrong with them, the answer is to issue again.
func (a *authority) good(dir, name string, opts Options) bool {
	cert, err := readCert(filepath.Join(dir, name+".pem"))
	if err != nil {
		return false
	}
	key, err := readKey(filepath.Join(dir, name+".key"))
	if err != nil || !key.PublicKey.Equal(cert.PublicKey) {
		return false
	}
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	verify := x509.VerifyOptions{Roots: roots, CurrentTime: opts.Now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}
	if _, err := cert.Verify(verify); err != nil {
		return false
	}
	if got, ok := identity(cert); !ok || got != name {
		return false
	}
	for _, host := range append([]string{name, "localhost"}, opts.Hosts...) {
		if cert.VerifyHostname(host) != nil {
			return false
		}
	}
	lifetime := cert.NotAfter.Sub(cert.NotBefore)
	return cert.NotAfter.Sub(opts.Now) > min(RenewBefore, lifetime/3)
}

// checkStandIn refuses hosts that are the names of other services: whoever bore one could stand in for it.
func checkStandIn(dir string, hosts []string) error {
	for _, host := range hosts {
		if !validName.MatchString(host) {
			continue // no service can be called so
		}
		if _, err := os.Stat(filepath.Join(dir, host+".pem")); err == nil {
			return fmt.Errorf("%q is a service's name and can't be a host of another", host)
		}
	}
	return nil
}

// hosts are those of the present certificate, beside the ones that every certificate has. One that isn't the CA's own has none.
func (a *authority) hosts(dir, name string) []string {
	cert, err := readCert(filepath.Join(dir, name+".pem"))
	if err != nil || cert.CheckSignatureFrom(a.cert) != nil {
		return nil
	}
	if got, ok := identity(cert); !ok || got != name {
		return nil
	}
	var hosts []string
	for _, host := range cert.DNSNames {
		if host != name && host != "localhost" {
			hosts = append(hosts, host)
		}
	}
	for _, ip := range cert.IPAddresses {
		if !ip.IsLoopback() {
			hosts = append(hosts, ip.String())
		}
	}
	return hosts
}

// issue writes the key before the certificate. Between the two writes they don't match; a server that reloads then
// keeps what it has, and the next Create repairs what a crash leaves. The hosts of the certificate that it replaces stay.
func (a *authority) issue(dir, name string, opts Options) error {
	if a.key == nil {
		return errors.New("a certificate has to be issued but ca.key is not here; bring it back, or issue where it is kept")
	}
	key, keyPEM, err := newKey()
	if err != nil {
		return err
	}
	opts.Hosts = append(slices.Clone(opts.Hosts), a.hosts(dir, name)...)
	if err := checkStandIn(dir, opts.Hosts); err != nil {
		return err
	}
	der, err := a.signLeaf(&key.PublicKey, name, opts)
	if err != nil {
		return err
	}
	return replacePair(dir, name, keyPEM, der)
}
