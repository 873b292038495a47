// Package portal is the browser's edge of the suite: so far the page behind an
// alert's link, where an owner says whether a sign-in was theirs.
//
// It owns pages, web headers and the reading of one form. It stores nothing, sets
// no cookie and decides nothing: notify holds the facts and takes the answer, and
// the portal asks it by the same contract that any backend could use.
//
//	GET, HEAD /contain/{delivery}/{token} ──▶ DescribeContainment ──▶ the facts and a form
//	POST      the same path
//	    answer=no ──────────────────────────▶ ConfirmContainment ───▶ what is being ended
//	    answer=yes ─────────────────────────▶ DescribeContainment ──▶ nothing was changed
//	    anything else ──────────────────────▶ DescribeContainment ──▶ choose first; nothing was changed
//
// Mail scanners open links and some send the forms that they find. So opening
// changes nothing, however often, no answer is preselected, and the form sent as
// it came, or with every answer at once, changes nothing either.
//
// # What a request proves
//
// The link's token is all the authority there is, and it only ever lowers
// access. There is no cookie for another site to ride on, so a forged request
// would need the token, and who has it can send the form themselves. Requests
// that a browser marks as coming from another site are refused all the same.
// Our pages are sent with `Referrer-Policy: no-referrer`, so that the token
// never leaves in a Referer header; browsers then send `Origin: null` with our
// own form, which is why that header alone can't be what a form is judged by.
//
// The token is in the path. The package therefore logs and counts a request by
// its route's pattern, never by its path.
//
// Who calls it: cmd/doorward makes a Service with New and runs it.
package portal
