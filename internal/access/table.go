package access

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/grpc"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/fault"
)

// Rule is the row of one method.
type Rule struct {
	// Callers are the kinds that may call. A row with Public admits every kind.
	Callers Callers
	// Scopes must all be in the API key of an Application or of the application
	// that speaks for a User. Operators and services have no scopes.
	Scopes []string
	// Services are the certificate names that may call, when Callers has Service.
	Services []string
	// Certificate admits only who connected with a certificate of the suite: for an
	// operator, an API key isn't enough.
	Certificate bool
	// Limit is how often one caller may call: NoLimit() or PerSecond(n).
	Limit Limit
	// Priority says how early the method is refused when the server has too much to do.
	Priority Priority
	// Proven says that the person on whose behalf an application or a stranger calls has
	// shown who they are, or that nobody is named: the answers may depend on accounts.
	// Without it the method is an entrance; see Entrances.
	Proven bool
	// Audit says that the use case writes an audit record, which the service's
	// tests hold it to.
	Audit bool
}

// Table holds the row of each method, keyed by its full name
// ("/doorward.authn.v1.SessionService/RevokeSession").
type Table map[string]Rule

// ErrIncomplete is in the error of Validate.
var ErrIncomplete = errors.New("access: the table has rows that can't be judged")

// Validate reports every row that leaves something open. Such a row refuses
// everybody when it is called all the same.
func (t Table) Validate() error {
	var faults []error
	for _, method := range slices.Sorted(maps.Keys(t)) {
		for _, problem := range t[method].problems() {
			faults = append(faults, fmt.Errorf("%s: %s", method, problem))
		}
	}
	if len(faults) == 0 {
		return nil
	}
	return errors.Join(append([]error{ErrIncomplete}, faults...)...)
}

func (r Rule) problems() []string {
	var problems []string
	if r.Callers == 0 || r.Callers&^everybody != 0 {
		problems = append(problems, "name the callers")
	}
	if r.Limit.state == limitUnset {
		problems = append(problems, "say NoLimit() or PerSecond(n)")
	}
	if !r.Priority.set() {
		problems = append(problems, "name the priority: Deferrable, Interactive or Vital")
	}
	if service := r.Callers&Service != 0; service != (len(r.Services) > 0) {
		problems = append(problems, "callers have Service exactly when Services names some")
	}
	if len(r.Scopes) > 0 && r.Callers&(Application|User) == 0 {
		problems = append(problems, "scopes are for applications and users, and the row admits neither")
	}
	if len(r.Scopes) > 0 && r.Callers&Public != 0 {
		problems = append(problems, "a row that admits the public asks for no scopes")
	}
	if r.Certificate && r.Callers&^(Operator|Service) != 0 {
		problems = append(problems, "only operators and services have certificates")
	}
	return problems
}

// Rule gives the row of method, or the refusal when it has none or an incomplete one.
func (t Table) Rule(method string) (Rule, error) {
	r, ok := t[method]
	if !ok || len(r.problems()) > 0 {
		return Rule{}, fault.New(fault.Denied, typev1.Reason_REASON_ACCESS_ROW_MISSING,
			"Nobody may call this method: the service has no access rule for it. Tell its operator.").
			With("method", method)
	}
	return r, nil
}

// Entrances are the methods by which somebody who has proved nothing can ask after an
// account, sorted: all that applications and the public may call, and aren't Proven.
// Their answers must be the same with and without one, in time as well.
// `doorward selftest enumeration` holds each of them to it.
func (t Table) Entrances() []string {
	var methods []string
	for _, method := range slices.Sorted(maps.Keys(t)) {
		if r := t[method]; r.Callers&(Application|Public) != 0 && !r.Proven {
			methods = append(methods, method)
		}
	}
	return methods
}

// Check decides whether p may call method. Rates are the Guard's business.
func (t Table) Check(method string, p Principal) error {
	r, err := t.Rule(method)
	if err != nil {
		return err
	}
	return r.check(p)
}

func (r Rule) check(p Principal) error {
	switch {
	case !p.Kind.one():
		return r.credentialsMissing()
	case r.Callers.has(Public):
		return nil
	case p.Kind == Public:
		return r.credentialsMissing()
	case !r.Callers.has(p.Kind):
		return r.notAllowed()
	case p.Kind == Service && !slices.Contains(r.Services, p.ID):
		return r.notAllowed()
	case r.Certificate && p.Certificate == "":
		return fault.New(fault.Denied, typev1.Reason_REASON_CALLER_NOT_ALLOWED,
			"An API key isn't enough for this method: connect with the certificate of a caller that may call it.")
	case p.Kind == Application || p.Kind == User:
		return r.checkScopes(p)
	default:
		return nil
	}
}

func (r Rule) checkScopes(p Principal) error {
	for _, scope := range r.Scopes {
		if !p.HasScope(scope) {
			return fault.New(fault.Denied, typev1.Reason_REASON_SCOPE_MISSING,
				"The API key lacks the scope "+scope+": use a key that has it.").
				With("scope", scope)
		}
	}
	return nil
}

// credentialsMissing names the credentials that would have helped.
func (r Rule) credentialsMissing() error {
	if r.Callers == Service {
		return fault.New(fault.Unauthenticated, typev1.Reason_REASON_CERTIFICATE_MISSING,
			"Connect with a client certificate of one of the suite's services.")
	}
	return fault.New(fault.Unauthenticated, typev1.Reason_REASON_API_KEY_MISSING,
		"Send an API key in the metadata: authorization: Bearer <key>.")
}

func (r Rule) notAllowed() error {
	return fault.New(fault.Denied, typev1.Reason_REASON_CALLER_NOT_ALLOWED,
		"This method isn't for callers of your kind. It is for: "+r.Callers.String()+".")
}

// Missing lists the methods that a server has and the table hasn't, sorted. A
// service's test calls it with the server's GetServiceInfo and wants none.
func Missing(t Table, info map[string]grpc.ServiceInfo) []string {
	var missing []string
	for _, method := range methods(info) {
		if _, err := t.Rule(method); err != nil {
			missing = append(missing, method)
		}
	}
	return missing
}

// Stale lists the rows whose method the server doesn't have, sorted: most often a typing mistake.
func Stale(t Table, info map[string]grpc.ServiceInfo) []string {
	has := methods(info)
	return slices.DeleteFunc(slices.Sorted(maps.Keys(t)), func(method string) bool {
		return slices.Contains(has, method)
	})
}

func methods(info map[string]grpc.ServiceInfo) []string {
	var all []string
	for service, i := range info {
		for _, m := range i.Methods {
			all = append(all, "/"+service+"/"+m.Name)
		}
	}
	slices.SortFunc(all, strings.Compare)
	return all
}
