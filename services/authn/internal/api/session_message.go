package api

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/useragent"
	"github.com/doorward/doorward/services/authn/internal/session"
)

var (
	endMessage = map[session.End]authnv1.SessionEnd{
		session.EndRevoked:         authnv1.SessionEnd_SESSION_END_REVOKED,
		session.EndContained:       authnv1.SessionEnd_SESSION_END_CONTAINED,
		session.EndRefreshReuse:    authnv1.SessionEnd_SESSION_END_REFRESH_REUSE,
		session.EndExpired:         authnv1.SessionEnd_SESSION_END_EXPIRED,
		session.EndPasswordChanged: authnv1.SessionEnd_SESSION_END_PASSWORD_CHANGED,
		session.EndRestored:        authnv1.SessionEnd_SESSION_END_RESTORED,
		session.EndBanned:          authnv1.SessionEnd_SESSION_END_BANNED,
	}
	kindMessage = map[string]typev1.DeviceKind{
		string(useragent.Desktop): typev1.DeviceKind_DEVICE_KIND_DESKTOP,
		string(useragent.Phone):   typev1.DeviceKind_DEVICE_KIND_PHONE,
		string(useragent.Tablet):  typev1.DeviceKind_DEVICE_KIND_TABLET,
		string(useragent.Bot):     typev1.DeviceKind_DEVICE_KIND_BOT,
	}
)

// sessionMessage is a session as an operator sees it.
func sessionMessage(s *session.Session, now time.Time) *authnv1.Session {
	m := &authnv1.Session{
		Id:         s.ID,
		UserId:     s.UserID,
		Device:     deviceMessage(s.DeviceID, s.About),
		Place:      &typev1.Place{CountryCode: s.Country, CountryName: s.CountryName},
		Ip:         s.IP,
		StartedAt:  timestamppb.New(s.StartedAt),
		LastUsedAt: timestamppb.New(s.LastUsedAt),
		ExpiresAt:  timestamppb.New(s.ExpiresAt),
	}
	switch {
	case !s.EndedAt.IsZero():
		m.EndedAt, m.End = timestamppb.New(s.EndedAt), endMessage[s.End]
	case !now.Before(s.ExpiresAt):
		// Nobody writes down that a lifetime is over; it shows.
		m.EndedAt, m.End = timestamppb.New(s.ExpiresAt), endMessage[session.EndExpired]
	}
	return m
}
