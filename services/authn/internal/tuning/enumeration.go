package tuning

// EnumerationMode is what somebody who has proved nothing is told of whether there is an account.
type EnumerationMode string

// The modes. What is neither says nothing.
const (
	// Strict: nothing.
	Strict EnumerationMode = "strict"
	// Bulk: the truth, at the start of a sign-up or sign-in; rate limits alone protect.
	Bulk EnumerationMode = "bulk"
)

// Discloses says whether the truth is told.
func (m EnumerationMode) Discloses() bool { return m == Bulk }
