package portal

import (
	"net/http"

	"github.com/doorward/doorward/internal/access"
	"github.com/doorward/doorward/internal/fault"
	doorward "github.com/doorward/doorward/sdk"
)

// newPace says how often one network may ask for a link's page or answer it: far more than people do. Notify bounds what the portal asks of it
// as a whole, so without this a stranger who asks without pause would keep owners from answering.
func newPace(deps Deps) (*access.Guard, error) {
	rule := access.Rule{Callers: access.Public, Limit: access.PerSecond(5).Burst(40), Priority: access.Vital}
	return access.NewGuard(access.GuardConfig{
		Table: access.Table{routeShow: rule, routeTake: rule}, Logger: deps.Logger, Now: deps.Now,
	})
}

// paced holds a handler to its route's pace. Who comes from this machine isn't paced: most often that is a proxy which says nothing of who is
// behind it, and all browsers would share one pace.
func (s *site) paced(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		peer := doorward.FromHTTP(r, doorward.TrustedProxies(s.proxies...)).IP
		if peer.Unmap().IsLoopback() {
			next(w, r)
			return
		}
		err := s.pace.Admit(r.Context(), r.Pattern, access.Principal{Kind: access.Public, Peer: peer})
		switch {
		case err == nil:
			next(w, r)
		case fault.KindOf(err) == fault.Exhausted:
			w.Header().Set("Retry-After", retryAfter(err))
			s.render(w, r, http.StatusTooManyRequests, pageLater, view{})
		default:
			s.failed(w, r, err, view{})
		}
	}
}
