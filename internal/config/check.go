package config

import (
	"net"
	"net/netip"
	"net/url"
)

// Within puts the faults of a section under its key.
func (f Faults) Within(section string) Faults {
	placed := make(Faults, len(f))
	for i, fault := range f {
		fault.Key = section + delimiter + fault.Key
		placed[i] = fault
	}
	return placed
}

// Need adds a fault unless ok.
func (f *Faults) Need(ok bool, key, problem string) {
	if !ok {
		*f = append(*f, Fault{Key: key, Problem: problem})
	}
}

// HostPort says whether an address is host:port; the host may be empty, for all of the machine's.
func HostPort(address string) bool {
	_, port, err := net.SplitHostPort(address)
	return err == nil && port != ""
}

// Loopback says whether a host is this machine and nobody else.
func Loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

// Origin parses a web address of scheme and host alone, as links in mails begin with and tokens name: https, or http to this machine. A final
// slash is allowed, and isn't part of it.
func Origin(address string) (*url.URL, bool) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Path != "" && u.Path != "/" {
		return nil, false
	}
	u.Path = ""
	return u, u.Scheme == "https" || u.Scheme == "http" && Loopback(u.Hostname())
}
