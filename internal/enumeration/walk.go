package enumeration

import (
	"slices"

	"google.golang.org/protobuf/proto"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	"github.com/doorward/doorward/internal/access"
)

// entry is one call that a stranger can make.
type entry struct {
	name   string
	method string
	ask    func(*visit) proto.Message
	answer func() proto.Message
	// begins: without an answer to it, there is nothing to go on with.
	begins bool
}

// walk is what a stranger does with an address, call after call.
type walk []entry

// What strangers say who don't know the right answer.
const (
	wrongPassword = "nobody has this password of 37 letters"
	wrongCode     = "000000"
)

// walks are all that a stranger can do. Prepare at a sign-in is asked before anything is proved: it must refuse everybody alike.
var walks = []walk{
	{
		{
			name: "StartSignIn", method: authnv1.AttemptService_StartSignIn_FullMethodName, begins: true,
			ask: func(v *visit) proto.Message {
				return &authnv1.StartSignInRequest{Client: v.client, Email: v.address}
			},
			answer: func() proto.Message { return &authnv1.StartSignInResponse{} },
		},
		prepares("Prepare (sign-in)"),
		continues("Continue (password)", func(_ *visit, r *authnv1.ContinueRequest) {
			r.Answer = &authnv1.ContinueRequest_Password{Password: wrongPassword}
		}),
	},
	{
		{
			name: "StartSignUp", method: authnv1.AttemptService_StartSignUp_FullMethodName, begins: true,
			ask: func(v *visit) proto.Message {
				return &authnv1.StartSignUpRequest{Client: v.client, Email: v.address}
			},
			answer: func() proto.Message { return &authnv1.StartSignUpResponse{} },
		},
		continues("Continue (new password)", func(v *visit, r *authnv1.ContinueRequest) {
			r.Answer = &authnv1.ContinueRequest_NewPassword{NewPassword: v.newPassword}
		}),
		prepares("Prepare (sign-up)"),
		continues("Continue (code)", func(_ *visit, r *authnv1.ContinueRequest) {
			r.Answer = &authnv1.ContinueRequest_Code{Code: wrongCode}
		}),
	},
}

func prepares(name string) entry {
	return entry{
		name: name, method: authnv1.AttemptService_Prepare_FullMethodName,
		ask: func(v *visit) proto.Message {
			return &authnv1.PrepareRequest{
				AttemptId: v.attemptID, AttemptSecret: v.secret, Client: v.client, Factor: authnv1.Factor_FACTOR_EMAIL_CODE,
			}
		},
		answer: func() proto.Message { return &authnv1.PrepareResponse{} },
	}
}

func continues(name string, answer func(*visit, *authnv1.ContinueRequest)) entry {
	return entry{
		name: name, method: authnv1.AttemptService_Continue_FullMethodName,
		ask: func(v *visit) proto.Message {
			r := &authnv1.ContinueRequest{AttemptId: v.attemptID, AttemptSecret: v.secret, Client: v.client}
			answer(v, r)
			return r
		},
		answer: func() proto.Message { return &authnv1.ContinueResponse{} },
	}
}

func entries() []entry { return slices.Concat(walks...) }

// Unwalked are the table's entrances that no walk goes through, sorted. A service's test wants none, and Run refuses to measure while there is one.
func Unwalked(table access.Table) []string {
	return slices.DeleteFunc(table.Entrances(), func(method string) bool {
		return slices.ContainsFunc(entries(), func(e entry) bool { return e.method == method })
	})
}
