package api

import (
	"encoding/base64"

	"github.com/doorward/doorward/internal/id"
	"github.com/doorward/doorward/services/authn/internal/flow"
)

// defaultPage is how many records a page has when the caller doesn't say.
const defaultPage = 50

// paged is a request for a page of a list.
type paged interface {
	GetPageSize() int32
	GetPageToken() string
}

func pageSize(req paged) int {
	if size := int(req.GetPageSize()); size > 0 {
		return size
	}
	return defaultPage
}

var errPageToken = errInvalidField.Field("page_token", "must be the next_page_token of a page before")

// pageID is the id that the page before ended with, of a list whose tokens are ids.
func pageID(req paged, prefix string) (string, error) {
	token := req.GetPageToken()
	if token != "" && !id.Valid(prefix, token) {
		return "", errPageToken
	}
	return token, nil
}

// pageName is the name that the page before ended with, of a list in the order of names; nameToken is its token. It is encoded, so that nobody
// takes it for more than a token.
func pageName(req paged) (string, error) {
	name, err := base64.RawURLEncoding.DecodeString(req.GetPageToken())
	if err != nil {
		return "", errPageToken
	}
	return string(name), nil
}

func nameToken(name string) string { return base64.RawURLEncoding.EncodeToString([]byte(name)) }

// userNamed is a request that names a user by id or by mail address.
type userNamed interface {
	GetUserId() string
	GetEmail() string
}

func whose(req userNamed) flow.Whose {
	return flow.Whose{UserID: req.GetUserId(), Email: req.GetEmail()}
}
