package tuning_test

import (
	"strings"
	"testing"
	"time"

	"github.com/doorward/doorward/services/notify/internal/tuning"
)

func TestDefaultsAreValid(t *testing.T) {
	if err := tuning.Default().Validate(); err != nil {
		t.Error(err)
	}
}

func TestEveryFaultIsReportedAtOnce(t *testing.T) {
	bad := tuning.Policy{RetryPauses: []time.Duration{time.Minute, 0}, GiveUpAfter: time.Minute, SignUpTakenEvery: 0, KeepDeliveries: time.Hour}
	err := bad.Validate()
	if err == nil {
		t.Fatal("no fault found")
	}
	for _, name := range []string{"give_up_after", "sign_up_taken_every", "keep_deliveries", "retry_pauses[1]"} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%s isn't named in:\n%v", name, err)
		}
	}
	none := tuning.Default()
	none.RetryPauses = nil
	if none.Validate() == nil {
		t.Error("a schedule without pauses is accepted")
	}
}

func TestTheScheduleIsACopy(t *testing.T) {
	p := tuning.Default()
	p.Schedule().Pauses[0] = 0
	if p.RetryPauses[0] == 0 {
		t.Error("a schedule shares the policy's slice")
	}
}
