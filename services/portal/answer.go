package portal

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
)

// answer is what the owner says about a sign-in.
type answer int

const (
	unanswered answer = iota // nothing, or nothing clear
	itWasMe
	itWasNotMe
)

// maxBody is far more than the form's one field needs.
const maxBody = 4 << 10

// errNotTheForm refuses a body that our form can't have sent.
var errNotTheForm = errors.New("portal: the request's body isn't the page's form")

// readAnswer reads the form. It looks at the body alone: a link with an answer in its query is opened, not sent.
func readAnswer(w http.ResponseWriter, r *http.Request) (answer, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return unanswered, errNotTheForm
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return unanswered, err
	}
	return parseAnswer(string(body)), nil
}

// parseAnswer takes one clear answer and nothing else: a machine that fills in a
// form sends none, or all of them.
func parseAnswer(body string) answer {
	form, err := url.ParseQuery(body)
	if err != nil {
		return unanswered
	}
	values := form["answer"]
	if len(values) != 1 {
		return unanswered
	}
	switch values[0] {
	case "yes":
		return itWasMe
	case "no":
		return itWasNotMe
	default:
		return unanswered
	}
}
