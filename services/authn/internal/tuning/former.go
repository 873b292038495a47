package tuning

import (
	"encoding/json"
	"fmt"
)

// UnmarshalJSON reads a policy as it is stored, over the values that p has. Fields that have another name by now are read by the one they had, too: the next
// change stores them under the new one.
func (p *Policy) UnmarshalJSON(stored []byte) error {
	former := struct {
		Starts  *int `json:"rate_account_starts"`
		Answers *int `json:"rate_account_answers"`
	}{&p.RateIdentifierStarts, &p.RateIdentifierAnswers}
	if err := json.Unmarshal(stored, &former); err != nil {
		return fmt.Errorf("fields by former names: %w", err)
	}
	type plain Policy // without this method
	if err := json.Unmarshal(stored, (*plain)(p)); err != nil {
		return fmt.Errorf("policy: %w", err)
	}
	return nil
}
