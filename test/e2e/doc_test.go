// Package e2e_test plays Doorward's story with every service in a process of its own, as test/deployment sets them up. Then it stops, kills and
// restarts the processes where it hurts.
//
// It owns nothing of the product and imports none of its inside: it speaks to the processes as applications, browsers and operators do. All that
// the processes log is searched for the secrets that went through them.
package e2e_test

import (
	"testing"

	"github.com/doorward/doorward/test/deployment"
)

func TestMain(m *testing.M) { deployment.Main(m) }
