package fault

import (
	"strings"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
)

// reasonPrefix is what buf's enum style puts before each value; on the wire a
// reason goes without it, as google.rpc.ErrorInfo asks.
const reasonPrefix = "REASON_"

func reasonName(r typev1.Reason) string {
	return strings.TrimPrefix(r.String(), reasonPrefix)
}

// reasonNamed reads a reason off the wire. One that this build doesn't know, from
// a newer server, is unspecified: the code still says what to do.
func reasonNamed(name string) typev1.Reason {
	return typev1.Reason(typev1.Reason_value[reasonPrefix+name])
}
