package authn

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/grpc/metadata"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/access"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/application"
)

// FuzzAuthenticate has a stranger choose the call's credentials. A caller is an application only by one header that is read in one way, is the public
// only without any, and is otherwise refused with an error that doesn't show what was presented.
func FuzzAuthenticate(f *testing.F) {
	const key = "dwk_planted-api-key"
	for _, header := range []string{"Bearer " + key, "bearer " + key, "Bearer  " + key, "Bearer", "Bearer ", key, "Basic " + key, "", " ", "Bearer\t" + key, "Bearer " + key + " "} {
		f.Add(header, "", uint8(1))
	}
	f.Add("Bearer "+key, "Bearer "+key, uint8(2))
	f.Add("", "", uint8(0))
	f.Fuzz(func(t *testing.T, first, second string, headers uint8) {
		values := []string{first, second}[:headers%3]
		var looked []string
		authenticate := authenticator(func(_ context.Context, presented secret.Text) (application.Key, error) {
			looked = append(looked, presented.Reveal())
			return application.Key{ID: "key_1", ApplicationID: "app_1"}, nil
		})
		got, err := authenticate(metadata.NewIncomingContext(t.Context(), metadata.MD{"authorization": values}))

		scheme, text, _ := strings.Cut(first, " ")
		good := len(values) == 1 && strings.EqualFold(scheme, "bearer") && text != ""
		switch {
		case len(values) == 0:
			if err != nil || got.Kind != access.Public || looked != nil {
				t.Errorf("without credentials: %+v, %v", got, err)
			}
		case good:
			if err != nil || got.Kind != access.Application || got.ApplicationID != "app_1" || len(looked) != 1 || looked[0] != text {
				t.Errorf("%q was looked up as %q: %+v, %v", first, looked, got, err)
			}
		default:
			if fault.ReasonOf(err) != typev1.Reason_REASON_API_KEY_INVALID || got.Kind != 0 || looked != nil {
				t.Errorf("%q: %+v, %v, looked up %q", values, got, err, looked)
			}
			if err != nil && strings.Contains(err.Error(), key) {
				t.Errorf("the error shows the key: %v", err)
			}
		}
	})
}
