package doorward

import (
	"net/http"
	"net/netip"
	"strings"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
)

// The contract's limits for what a browser sends; FromHTTP cuts longer headers, so that they can't fail the call.
const (
	maxUserAgent = 1024
	maxLanguage  = 256
	maxSolution  = 1024
	// A chain of more proxies than this isn't believed.
	maxForwarded = 32
)

// From says on whose behalf a call is made: the end user's address and browser, not the application's.
type From struct {
	// IP is the end user's address. Without it authn refuses with CLIENT_CONTEXT_MISSING.
	IP netip.Addr
	// UserAgent is the User-Agent header. An attempt goes on with the one it began with.
	UserAgent string
	// Language is the Accept-Language header; it chooses the language of mails.
	Language string
	// DeviceSecret is Grant.DeviceSecret of this device's last sign-in, if there was one. It makes the device known.
	DeviceSecret Secret
	// Solution is of the challenge that the call before failed for, as the widget in the user's browser gave it. It is good once.
	Solution string
}

// WithDevice returns a copy that presents the device's secret.
func (f From) WithDevice(secret Secret) From {
	f.DeviceSecret = secret
	return f
}

// WithSolution returns a copy that brings the solution of a challenge which was handed on: see ChallengeError.
func (f From) WithSolution(solution string) From {
	f.Solution = clip(solution, maxSolution)
	return f
}

func (f From) proto() *typev1.ClientContext {
	client := &typev1.ClientContext{
		UserAgent:      f.UserAgent,
		AcceptLanguage: f.Language,
		DeviceSecret:   f.DeviceSecret.Reveal(),

		ChallengeSolution: f.Solution,
	}
	if f.IP.IsValid() {
		client.Ip = f.IP.String()
	}
	return client
}

// FromOption changes what FromHTTP believes.
type FromOption func(*fromHTTP)

type fromHTTP struct {
	trusted []netip.Prefix
}

// TrustedProxies names the networks of the application's own reverse proxies. For a request that comes from one of
// them the address is read from X-Forwarded-For, from the right, up to the first hop that isn't one of them.
func TrustedProxies(networks ...netip.Prefix) FromOption {
	return func(f *fromHTTP) { f.trusted = append(f.trusted, networks...) }
}

// FromHTTP fills From from the request that is being served. The address is the connection's: X-Forwarded-For is a
// header that anybody can write, and is read only with TrustedProxies. The device secret is for WithDevice.
func FromHTTP(r *http.Request, options ...FromOption) From {
	var settings fromHTTP
	for _, option := range options {
		option(&settings)
	}
	return From{
		IP:        settings.clientAddr(r),
		UserAgent: clip(r.UserAgent(), maxUserAgent),
		Language:  clip(r.Header.Get("Accept-Language"), maxLanguage),
	}
}

// clientAddr walks from the connection towards the client for as long as the hop is a trusted proxy. A hop that can't
// be read gives no address at all, rather than the proxy's or a guess.
func (f *fromHTTP) clientAddr(r *http.Request) netip.Addr {
	hop := parseHop(r.RemoteAddr)
	forwarded := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for range maxForwarded {
		if !f.trusts(hop) || len(forwarded) == 0 {
			return hop
		}
		next := strings.TrimSpace(forwarded[len(forwarded)-1])
		if next == "" {
			return hop
		}
		hop, forwarded = parseHop(next), forwarded[:len(forwarded)-1]
	}
	return netip.Addr{}
}

func (f *fromHTTP) trusts(hop netip.Addr) bool {
	for _, network := range f.trusted {
		if hop.IsValid() && network.Contains(hop) {
			return true
		}
	}
	return false
}

// parseHop reads an address with or without a port, as proxies write both.
func parseHop(text string) netip.Addr {
	addr, err := netip.ParseAddr(text)
	if err != nil {
		withPort, err := netip.ParseAddrPort(text)
		if err != nil {
			return netip.Addr{}
		}
		addr = withPort.Addr()
	}
	return addr.Unmap().WithZone("")
}

// clip cuts a header to what the contract takes, and drops what isn't UTF-8, which protobuf would refuse.
func clip(header string, most int) string {
	if len(header) > most {
		header = header[:most]
	}
	return strings.ToValidUTF8(header, "")
}
