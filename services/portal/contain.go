package portal

import (
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	notifyv1 "github.com/doorward/doorward/gen/doorward/notify/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/fault"
	doorward "github.com/doorward/doorward/sdk"
)

// showContainment is the page behind the link. It changes nothing.
func (s *site) showContainment(w http.ResponseWriter, r *http.Request) {
	found, ok := s.describe(w, r)
	if !ok {
		return
	}
	if found.GetConfirmedAt() != nil {
		s.render(w, r, http.StatusOK, pageContained, s.viewOf(found))
		return
	}
	s.render(w, r, http.StatusOK, pageAsk, s.viewOf(found))
}

// takeAnswer takes the form. Only a clear "no" asks notify to change anything.
func (s *site) takeAnswer(w http.ResponseWriter, r *http.Request) {
	if !s.sameOrigin.admits(r) {
		s.render(w, r, http.StatusForbidden, pageRefused, view{})
		return
	}
	given, err := readAnswer(w, r)
	if err != nil {
		s.render(w, r, statusOf(err), pageRefused, view{})
		return
	}
	if given == itWasNotMe {
		s.confirm(w, r)
		return
	}
	found, ok := s.describe(w, r)
	switch {
	case !ok:
	case found.GetConfirmedAt() != nil: // what was answered before stands
		s.render(w, r, http.StatusOK, pageContained, s.viewOf(found))
	case given == itWasMe:
		s.render(w, r, http.StatusOK, pageKept, s.viewOf(found))
	default:
		again := s.viewOf(found)
		again.Unanswered = true
		s.render(w, r, http.StatusUnprocessableEntity, pageAsk, again)
	}
}

// describe asks notify for the facts. When it returns false it has answered the browser.
func (s *site) describe(w http.ResponseWriter, r *http.Request) (*notifyv1.Containment, bool) {
	link, ok := linkOf(r)
	if !ok {
		s.noLink(w, r)
		return nil, false
	}
	answer, err := s.containment.DescribeContainment(r.Context(), &notifyv1.DescribeContainmentRequest{
		DeliveryId:   link.delivery,
		ContainToken: link.token,
	})
	if err != nil {
		s.failed(w, r, err, view{})
		return nil, false
	}
	return answer.GetContainment(), true
}

// confirm passes the "no" on. A repeat gets the first one's answer from notify.
func (s *site) confirm(w http.ResponseWriter, r *http.Request) {
	link, ok := linkOf(r)
	if !ok {
		s.noLink(w, r)
		return
	}
	answer, err := s.containment.ConfirmContainment(r.Context(), &notifyv1.ConfirmContainmentRequest{
		DeliveryId:   link.delivery,
		ContainToken: link.token,
		Client:       s.clientOf(r),
	})
	if err != nil {
		// Notify may have taken the answer before the call failed: we can't promise that nothing was changed.
		s.failed(w, r, err, view{Sent: true})
		return
	}
	s.logger.LogAttrs(r.Context(), slog.LevelInfo, "containment asked for", slog.String("delivery_id", link.delivery))
	s.render(w, r, http.StatusOK, pageContained, s.viewOf(answer.GetContainment()))
}

// failed answers for a call that notify didn't answer well. Every fault of the link is one page.
func (s *site) failed(w http.ResponseWriter, r *http.Request, err error, shown view) {
	switch fault.KindOf(err) {
	case fault.Invalid, fault.NotFound:
		s.noLink(w, r)
		return
	case fault.Unavailable, fault.DeadlineExceeded, fault.Exhausted, fault.Canceled:
		s.logger.LogAttrs(r.Context(), slog.LevelWarn, "notify doesn't answer", slog.Any("error", err))
		w.Header().Set("Retry-After", retryAfter(err))
		s.render(w, r, http.StatusServiceUnavailable, pageLater, shown)
	default:
		s.logger.LogAttrs(r.Context(), slog.LevelError, "notify refuses the portal", slog.Any("error", err))
		s.render(w, r, http.StatusInternalServerError, pageLater, shown)
	}
}

func (s *site) noLink(w http.ResponseWriter, r *http.Request) {
	s.render(w, r, http.StatusNotFound, pageNoLink, view{})
}

// retryAfter is a whole number of seconds, at least 1: notify's own, or a few when it couldn't say.
func retryAfter(err error) string {
	const usual, longest = 5 * time.Second, 5 * time.Minute
	wait := fault.RetryAfterOf(err)
	if wait <= 0 {
		wait = usual
	}
	return strconv.Itoa(int(math.Ceil(min(wait, longest).Seconds())))
}

func statusOf(err error) int {
	switch tooBig := new(http.MaxBytesError); {
	case errors.As(err, &tooBig):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, errNotTheForm):
		return http.StatusUnsupportedMediaType
	default: // the body broke off
		return http.StatusBadRequest
	}
}

// link is what the mail's link carries.
type link struct{ delivery, token string }

// The contract's bounds on a link.
const (
	maxDelivery = 64
	maxToken    = 128
)

// linkOf reads the path. What can't be a link of ours isn't worth a call.
func linkOf(r *http.Request) (link, bool) {
	l := link{delivery: r.PathValue("delivery"), token: r.PathValue("token")}
	return l, urlSafe(l.delivery, maxDelivery) && urlSafe(l.token, maxToken)
}

// urlSafe admits what stands in a path without being escaped (RFC 3986, unreserved).
func urlSafe(text string, longest int) bool {
	if text == "" || len(text) > longest {
		return false
	}
	return strings.IndexFunc(text, func(c rune) bool {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		digit := c >= '0' && c <= '9'
		return !letter && !digit && !strings.ContainsRune("-._~", c)
	}) < 0
}

// clientOf says who answers, for notify's audit record. Without an address it is
// left out whole, as the contract has none without one.
func (s *site) clientOf(r *http.Request) *typev1.ClientContext {
	from := doorward.FromHTTP(r, doorward.TrustedProxies(s.proxies...))
	if !from.IP.IsValid() {
		return nil
	}
	return &typev1.ClientContext{Ip: from.IP.String(), UserAgent: from.UserAgent, AcceptLanguage: from.Language}
}
