package portal

import (
	"fmt"
	"net/http"
	"net/url"
)

// contentPolicy allows our style sheet and our form, and nothing else: no script,
// no image, no frame, inside or around.
const contentPolicy = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// fixedHeaders are on every answer, whatever it is.
var fixedHeaders = [][2]string{
	{"Content-Security-Policy", contentPolicy},
	{"X-Frame-Options", "DENY"}, // for browsers that don't know frame-ancestors
	{"X-Content-Type-Options", "nosniff"},
	{"Referrer-Policy", "no-referrer"}, // the path holds the token
	{"Cache-Control", "no-store"},
	{"Cross-Origin-Opener-Policy", "same-origin"},
	{"Cross-Origin-Resource-Policy", "same-origin"},
	{"Permissions-Policy", "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), publickey-credentials-get=(), usb=()"},
	{"X-Robots-Tag", "noindex, nofollow, noarchive"},
}

// transportSecurity keeps browsers on https for two years. Whether it holds for
// other hosts of the domain isn't ours to say.
const transportSecurity = "max-age=63072000"

func (s *site) headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, header := range fixedHeaders {
			w.Header().Set(header[0], header[1])
		}
		if s.secure {
			w.Header().Set("Strict-Transport-Security", transportSecurity)
		}
		next.ServeHTTP(w, r)
	})
}

// sameOrigin refuses a form that a browser says was sent by another site.
type sameOrigin struct {
	check *http.CrossOriginProtection
}

// newSameOrigin also takes the public origin: a proxy may have changed the Host that we see.
func newSameOrigin(base *url.URL) (*sameOrigin, error) {
	check := http.NewCrossOriginProtection()
	if err := check.AddTrustedOrigin(base.Scheme + "://" + base.Host); err != nil {
		return nil, fmt.Errorf("portal: url: %w", err)
	}
	return &sameOrigin{check: check}, nil
}

// admits goes by Sec-Fetch-Site, which every browser since 2023 sends over https
// and to this machine. Where it is missing, `Origin: null` is let through: with
// our referrer policy it is what an older browser sends with our own form. It
// proves nothing, and needn't: the token in the path does.
func (p *sameOrigin) admits(r *http.Request) bool {
	if r.Header.Get("Sec-Fetch-Site") == "" && r.Header.Get("Origin") == "null" {
		return true
	}
	return p.check.Check(r) == nil
}
