package doorward_test

import (
	"context"
	"errors"
	"net/http"

	doorward "github.com/doorward/doorward/sdk"
)

// A sign-in from a device that isn't known: password, then a code by mail.
func Example() {
	signIn := func(ctx context.Context, dw *doorward.Client, r *http.Request) (doorward.Grant, error) {
		a, err := dw.SignIn(ctx, r.FormValue("email"), doorward.FromHTTP(r))
		if err != nil {
			return doorward.Grant{}, err
		}
		if err := a.Password(ctx, r.FormValue("password")); err != nil {
			return doorward.Grant{}, err
		}
		if a.Next() == doorward.DeviceVerification {
			if err := errors.Join(a.SendCode(ctx), a.Code(ctx, askUser())); err != nil {
				return doorward.Grant{}, err
			}
		}
		grant, ok := a.Grant()
		if !ok {
			return doorward.Grant{}, errors.New("wrong password or code")
		}
		return grant, nil
	}
	_ = signIn
}

// In a web application the code comes with a later request: the ticket waits for it in a cookie.
func ExampleClient_Resume() {
	code := func(ctx context.Context, dw *doorward.Client, r *http.Request) (*doorward.Attempt, error) {
		cookie, err := r.Cookie("attempt")
		if err != nil {
			return nil, err
		}
		a, err := dw.Resume(doorward.SecretOf(cookie.Value), doorward.FromHTTP(r))
		if err != nil {
			return nil, err
		}
		return a, a.Code(ctx, r.FormValue("code"))
	}
	_ = code
}

// A web application has the user's browser solve what a sign-up costs.
func ExampleChallengeError() {
	dw, err := doorward.FromEnv(context.Background())
	if err != nil {
		return
	}
	signUp := func(w http.ResponseWriter, r *http.Request) {
		from := doorward.FromHTTP(r).WithSolution(r.FormValue("altcha")) // the widget's field; empty at first
		a, err := dw.SignUp(r.Context(), r.FormValue("email"), from)
		var challenge *doorward.ChallengeError
		if errors.As(err, &challenge) {
			showForm(w, challenge.JSON()) // once more, with the widget and what it is to solve
			return
		}
		_, _ = a, err
	}
	_ = signUp
}

func showForm(http.ResponseWriter, []byte) {}

func askUser() string { return "123456" }
