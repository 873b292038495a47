package access_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/access"
	"github.com/doorward/doorward/internal/fault"
)

// The methods of the tests' table, one per shape of row.
const (
	anybody   = "/test.v1.S/Anybody"
	assess    = "/test.v1.S/Assess"
	speak     = "/test.v1.S/Speak"
	account   = "/test.v1.S/Account"
	revoke    = "/test.v1.S/Revoke"
	copied    = "/test.v1.S/Copied"
	forgotten = "/test.v1.S/Forgotten"
	halfWay   = "/test.v1.S/HalfWay"
)

func table() access.Table {
	return access.Table{
		anybody: {Callers: access.Public, Limit: access.NoLimit(), Priority: access.Interactive},
		assess:  {Callers: access.Service, Services: []string{"authn"}, Limit: access.NoLimit(), Priority: access.Interactive},
		speak: {
			Callers: access.Application, Scopes: []string{"speak_for_users", "assert"}, Limit: access.PerSecond(2), Priority: access.Interactive,
		},
		account: {Callers: access.User, Scopes: []string{"account"}, Limit: access.NoLimit(), Priority: access.Interactive},
		revoke: {
			Callers: access.Operator | access.Service, Services: []string{"notify"},
			Limit: access.NoLimit(), Priority: access.Interactive, Audit: true,
		},
		copied: {Callers: access.Operator, Certificate: true, Limit: access.NoLimit(), Priority: access.Interactive},
	}
}

func principal(kind access.Callers, id string, scopes ...string) access.Principal {
	return access.Principal{Kind: kind, ID: id, Scopes: scopes}
}

func TestCheckAdmitsOnlyWhomTheRowNames(t *testing.T) {
	const ok = typev1.Reason_REASON_UNSPECIFIED
	var (
		nobody    access.Principal
		stranger  = principal(access.Public, "")
		app       = principal(access.Application, "app_1", "speak_for_users", "assert")
		user      = principal(access.User, "usr_1", "account")
		operator  = principal(access.Operator, "usr_2")
		authn     = principal(access.Service, "authn")
		notify    = principal(access.Service, "notify")
		certified = access.Principal{Kind: access.Operator, ID: "operator", Certificate: "operator"}
		twoKinds  = principal(access.Operator|access.Service, "notify")
		unknown   = principal(1<<7, "x")
	)
	tests := []struct {
		name   string
		method string
		p      access.Principal
		code   codes.Code
		reason typev1.Reason
	}{
		{"public row admits a stranger", anybody, stranger, codes.OK, ok},
		{"public row admits a service", anybody, authn, codes.OK, ok},
		{"public row refuses nobody", anybody, nobody, codes.Unauthenticated, typev1.Reason_REASON_API_KEY_MISSING},
		{"service by name", assess, authn, codes.OK, ok},
		{"service of another name", assess, notify, codes.PermissionDenied, typev1.Reason_REASON_CALLER_NOT_ALLOWED},
		{"application with a service's id", assess, principal(access.Application, "authn"), codes.PermissionDenied, typev1.Reason_REASON_CALLER_NOT_ALLOWED},
		{"service row wants a certificate", assess, stranger, codes.Unauthenticated, typev1.Reason_REASON_CERTIFICATE_MISSING},
		{"application with every scope", speak, app, codes.OK, ok},
		{"application with one of two scopes", speak, principal(access.Application, "app_1", "assert"), codes.PermissionDenied, typev1.Reason_REASON_SCOPE_MISSING},
		{"application without scopes", speak, principal(access.Application, "app_1"), codes.PermissionDenied, typev1.Reason_REASON_SCOPE_MISSING},
		{"application row wants a key", speak, stranger, codes.Unauthenticated, typev1.Reason_REASON_API_KEY_MISSING},
		{"operator isn't an application", speak, operator, codes.PermissionDenied, typev1.Reason_REASON_CALLER_NOT_ALLOWED},
		{"user through an application with the scope", account, user, codes.OK, ok},
		{"user through an application without it", account, principal(access.User, "usr_1"), codes.PermissionDenied, typev1.Reason_REASON_SCOPE_MISSING},
		{"operator", revoke, operator, codes.OK, ok},
		{"second kind of the row", revoke, notify, codes.OK, ok},
		{"second kind, wrong name", revoke, authn, codes.PermissionDenied, typev1.Reason_REASON_CALLER_NOT_ALLOWED},
		{"two kinds at once", revoke, twoKinds, codes.Unauthenticated, typev1.Reason_REASON_API_KEY_MISSING},
		{"unknown kind", revoke, unknown, codes.Unauthenticated, typev1.Reason_REASON_API_KEY_MISSING},
		{"operator with a certificate", copied, certified, codes.OK, ok},
		{"operator with an API key alone", copied, operator, codes.PermissionDenied, typev1.Reason_REASON_CALLER_NOT_ALLOWED},
		{"a certificate doesn't make a kind", copied, access.Principal{Kind: access.Application, ID: "app_1", Certificate: "app_1"}, codes.PermissionDenied, typev1.Reason_REASON_CALLER_NOT_ALLOWED},
		{"no row", forgotten, operator, codes.PermissionDenied, typev1.Reason_REASON_ACCESS_ROW_MISSING},
		{"no row, for a stranger too", forgotten, stranger, codes.PermissionDenied, typev1.Reason_REASON_ACCESS_ROW_MISSING},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := table().Check(tt.method, tt.p)
			if got := fault.ToStatus(err).Code(); got != tt.code {
				t.Errorf("code = %v, want %v", got, tt.code)
			}
			if got := fault.ReasonOf(err); got != tt.reason {
				t.Errorf("reason = %v, want %v", got, tt.reason)
			}
		})
	}
}

func TestMissingScopeIsNamed(t *testing.T) {
	err := table().Check(speak, principal(access.Application, "app_1", "speak_for_users"))
	f, ok := fault.As(err)
	if !ok || f.Metadata["scope"] != "assert" {
		t.Errorf("metadata = %v, want the scope assert", f)
	}
}

func TestIncompleteRowsRefuseAndAreReportedAtOnce(t *testing.T) {
	tests := map[string]access.Rule{
		"limit unset":                    {Callers: access.Operator, Priority: access.Vital},
		"limit below one":                {Callers: access.Operator, Priority: access.Vital, Limit: access.PerSecond(0)},
		"burst without a rate":           {Callers: access.Operator, Limit: access.NoLimit().Burst(3), Priority: access.Interactive},
		"priority unset":                 {Callers: access.Operator, Limit: access.NoLimit()},
		"unknown priority":               {Callers: access.Operator, Limit: access.NoLimit(), Priority: access.Vital + 1},
		"no callers":                     {Limit: access.NoLimit(), Priority: access.Interactive},
		"unknown caller":                 {Callers: 1 << 7, Limit: access.NoLimit(), Priority: access.Interactive},
		"service without a name":         {Callers: access.Service, Limit: access.NoLimit(), Priority: access.Interactive},
		"names without service":          {Callers: access.Operator, Services: []string{"authn"}, Limit: access.NoLimit(), Priority: access.Interactive},
		"scopes for an operator":         {Callers: access.Operator, Scopes: []string{"s"}, Limit: access.NoLimit(), Priority: access.Interactive},
		"scopes for the public":          {Callers: access.Public | access.Application, Scopes: []string{"s"}, Limit: access.NoLimit(), Priority: access.Interactive},
		"certificate for an application": {Callers: access.Operator | access.Application, Certificate: true, Limit: access.NoLimit(), Priority: access.Interactive},
	}
	all := access.Table{}
	for name, rule := range tests {
		all["/test.v1.S/"+name] = rule
		t.Run(name, func(t *testing.T) {
			err := access.Table{halfWay: rule}.Check(halfWay, principal(access.Operator, "usr_1"))
			if got := fault.ReasonOf(err); got != typev1.Reason_REASON_ACCESS_ROW_MISSING {
				t.Errorf("reason = %v, want ACCESS_ROW_MISSING", got)
			}
		})
	}
	err := all.Validate()
	if !errors.Is(err, access.ErrIncomplete) {
		t.Fatalf("Validate() = %v, want ErrIncomplete", err)
	}
	for method := range all {
		if !strings.Contains(err.Error(), method+":") {
			t.Errorf("Validate() doesn't name %s", method)
		}
	}
	if err := table().Validate(); err != nil {
		t.Errorf("a complete table: %v", err)
	}
}

func TestWalkFindsMissingAndStaleRows(t *testing.T) {
	info := map[string]grpc.ServiceInfo{
		"test.v1.S": {Methods: []grpc.MethodInfo{{Name: "Anybody"}, {Name: "Forgotten"}, {Name: "HalfWay"}}},
		"test.v1.T": {Methods: []grpc.MethodInfo{{Name: "Other"}}},
	}
	rows := access.Table{
		anybody:                {Callers: access.Public, Limit: access.NoLimit(), Priority: access.Interactive},
		halfWay:                {Callers: access.Operator},
		"/test.v1.S/Mistpyed":  {Callers: access.Public, Limit: access.NoLimit(), Priority: access.Interactive},
		"/test.v1.Gone/Method": {Callers: access.Public, Limit: access.NoLimit(), Priority: access.Interactive},
	}
	if diff := cmp.Diff([]string{forgotten, halfWay, "/test.v1.T/Other"}, access.Missing(rows, info)); diff != "" {
		t.Errorf("Missing (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"/test.v1.Gone/Method", "/test.v1.S/Mistpyed"}, access.Stale(rows, info)); diff != "" {
		t.Errorf("Stale (-want +got):\n%s", diff)
	}
}

func TestWhatApplicationsAndThePublicMayCallIsAnEntranceUnlessItSaysOtherwise(t *testing.T) {
	rows := table()
	proven := rows[speak]
	proven.Proven = true
	rows["/test.v1.S/Refresh"] = proven
	if diff := cmp.Diff([]string{anybody, speak}, rows.Entrances()); diff != "" {
		t.Error(diff)
	}
}
