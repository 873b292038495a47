package api

import (
	"context"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	"github.com/doorward/doorward/services/authn/internal/credential"
	"github.com/doorward/doorward/services/authn/internal/flow"
	"github.com/doorward/doorward/services/authn/internal/userimport"
)

var importReasons = map[userimport.Reason]authnv1.ImportReason{
	userimport.FieldInvalid:    authnv1.ImportReason_IMPORT_REASON_FIELD_INVALID,
	userimport.HashUnknown:     authnv1.ImportReason_IMPORT_REASON_HASH_UNKNOWN,
	userimport.HashMalformed:   authnv1.ImportReason_IMPORT_REASON_HASH_MALFORMED,
	userimport.HashTooCostly:   authnv1.ImportReason_IMPORT_REASON_HASH_TOO_COSTLY,
	userimport.EmailTaken:      authnv1.ImportReason_IMPORT_REASON_EMAIL_TAKEN,
	userimport.ExternalIDTaken: authnv1.ImportReason_IMPORT_REASON_EXTERNAL_ID_TAKEN,
	userimport.Differs:         authnv1.ImportReason_IMPORT_REASON_DIFFERS,
}

// ImportUsers makes accounts of another system's users.
func (u *users) ImportUsers(ctx context.Context, req *authnv1.ImportUsersRequest) (*authnv1.ImportUsersResponse, error) {
	by, err := actorOf(ctx)
	if err != nil {
		return nil, err
	}
	rows := make([]userimport.Row, len(req.GetUsers()))
	for i, m := range req.GetUsers() {
		rows[i] = rowOf(m)
	}
	done, err := u.imports.Rows(ctx, by, rows, flow.Import{
		LearningWindow: req.GetLearningWindow().AsDuration(), DryRun: req.GetDryRun(), Note: req.GetNote(),
	})
	if err != nil {
		return nil, err
	}
	response := &authnv1.ImportUsersResponse{}
	for _, row := range done {
		response.Rows = append(response.Rows, importedRowMessage(row))
	}
	return response, nil
}

func rowOf(m *authnv1.ImportedUser) userimport.Row {
	row := userimport.Row{
		Email: m.GetEmail(), EmailVerified: m.GetEmailVerified(),
		ExternalID: m.GetExternalId(), Name: m.GetName(),
		Password: credential.WrapPHC(m.GetPasswordHash()),
	}
	if at := m.GetCreatedAt(); at != nil {
		row.CreatedAt = at.AsTime()
	}
	return row
}

func importedRowMessage(row flow.ImportedRow) *authnv1.ImportedRow {
	m := &authnv1.ImportedRow{Outcome: authnv1.ImportOutcome_IMPORT_OUTCOME_SAME, UserId: row.UserID}
	switch {
	case len(row.Problems) > 0:
		m.Outcome = authnv1.ImportOutcome_IMPORT_OUTCOME_REFUSED
	case row.Created:
		m.Outcome = authnv1.ImportOutcome_IMPORT_OUTCOME_CREATED
	}
	for _, p := range row.Problems {
		m.Faults = append(m.Faults, &authnv1.ImportFault{Reason: importReasons[p.Reason], Field: p.Field, Text: p.Text})
	}
	return m
}
