package authn

import (
	"maps"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	operatorv1 "github.com/doorward/doorward/gen/doorward/operator/v1"
	"github.com/doorward/doorward/internal/access"
)

// The scopes of API keys, as the table names them.
const (
	scopeSpeakForUsers = "speak_for_users"
	scopeOperator      = "operator"
)

// Limits are per caller and replica. They keep one runaway caller from taking a replica for itself. An application's calls are those of all its users, so
// the use cases count them: after the rates of those for whom it calls, which are in the request, so that a call which one of these refuses costs the application
// nothing of its own. What an attacker may do is bounded where it is counted, by the lockout, the pool and risk.
const (
	keySetsPerSecond   = 50
	alertsPerSecond    = 1_000
	operatorsPerSecond = 50
)

// Table says who may call what. A method without a row is refused.
func Table() access.Table {
	// A sign-up that has begun goes on as a sign-in does: Prepare and Continue serve both, and what a half-finished one has cost is spent.
	speaker := access.Rule{
		Callers:  access.Application,
		Scopes:   []string{scopeSpeakForUsers},
		Limit:    access.NoLimit(), // the use case counts: see above
		Priority: access.Interactive,
	}
	newcomer := speaker
	newcomer.Priority = access.Deferrable
	refresher := speaker
	refresher.Priority = access.Vital
	refresher.Proven = true // by a refresh token
	operator := access.Rule{Callers: access.Operator, Limit: access.PerSecond(operatorsPerSecond), Priority: access.Vital}
	audited := operator
	audited.Audit = true
	table := access.Table{
		authnv1.AttemptService_StartSignUp_FullMethodName: newcomer,
		authnv1.AttemptService_StartSignIn_FullMethodName: speaker,
		authnv1.AttemptService_Prepare_FullMethodName:     speaker,
		authnv1.AttemptService_Continue_FullMethodName:    speaker,

		authnv1.SessionService_RefreshSession_FullMethodName: refresher,
		// Every verifier asks for every call while its feed is stale: a limit would turn our outage into theirs.
		authnv1.SessionService_VerifySession_FullMethodName: {
			Callers: access.Application, Limit: access.NoLimit(), Priority: access.Vital, Proven: true, // by a session token
		},
		authnv1.SessionService_ListSessions_FullMethodName:       operator,
		authnv1.SessionService_RevokeSession_FullMethodName:      audited,
		authnv1.SessionService_RevokeUserSessions_FullMethodName: audited,

		authnv1.KeyService_GetKeySet_FullMethodName: {
			Callers: access.Public, Limit: access.PerSecond(keySetsPerSecond), Priority: access.Vital, Proven: true, // it names nobody
		},

		authnv1.KeyService_ListSigningKeys_FullMethodName:    operator,
		authnv1.KeyService_RotateSigningKey_FullMethodName:   audited,
		authnv1.KeyService_ReplaceSigningKeys_FullMethodName: audited,

		authnv1.UserService_ListUsers_FullMethodName:       operator,
		authnv1.UserService_GetUser_FullMethodName:         operator,
		authnv1.UserService_LockUser_FullMethodName:        audited,
		authnv1.UserService_UnlockUser_FullMethodName:      audited,
		authnv1.UserService_BanUser_FullMethodName:         audited,
		authnv1.UserService_UnbanUser_FullMethodName:       audited,
		authnv1.UserService_MarkCompromised_FullMethodName: audited,
		authnv1.UserService_ImportUsers_FullMethodName:     audited,
		authnv1.DeviceService_ListDevices_FullMethodName:   operator,
		authnv1.DeviceService_UntrustDevice_FullMethodName: audited,

		authnv1.AlertService_PrepareAlert_FullMethodName: {
			Callers: access.Service, Services: []string{"notify"}, Limit: access.PerSecond(alertsPerSecond), Priority: access.Vital,
		},

		operatorv1.DeadLetterService_ListDeadLetters_FullMethodName:  operator,
		operatorv1.DeadLetterService_ReplayDeadLetter_FullMethodName: audited,
		operatorv1.DeadLetterService_DropDeadLetter_FullMethodName:   audited,

		authnv1.PolicyService_GetPolicy_FullMethodName:    operator,
		authnv1.PolicyService_UpdatePolicy_FullMethodName: audited,

		authnv1.ApplicationService_CreateApplication_FullMethodName: audited,
		authnv1.ApplicationService_ListApplications_FullMethodName:  operator,
		authnv1.ApplicationService_CreateApiKey_FullMethodName:      audited,
		authnv1.ApplicationService_RotateApiKey_FullMethodName:      audited,
		authnv1.ApplicationService_RevokeApiKey_FullMethodName:      audited,

		// A copy holds all that authn knows, and an operator's API key isn't meant to.
		operatorv1.BackupService_BackUp_FullMethodName: {
			Callers: access.Operator, Certificate: true, Limit: access.PerSecond(operatorsPerSecond), Priority: access.Vital, Audit: true,
		},
	}
	maps.Copy(table, restrictionRows(operator, audited))
	return table
}

// restrictionRows are those of who may sign up.
func restrictionRows(operator, audited access.Rule) access.Table {
	return access.Table{
		authnv1.RestrictionService_AddEntries_FullMethodName:     audited,
		authnv1.RestrictionService_RemoveEntries_FullMethodName:  audited,
		authnv1.RestrictionService_ImportEntries_FullMethodName:  audited,
		authnv1.RestrictionService_ListEntries_FullMethodName:    operator,
		authnv1.RestrictionService_ExplainAddress_FullMethodName: operator,
		authnv1.RestrictionService_SweepUsers_FullMethodName:     audited,

		authnv1.InvitationService_CreateInvitations_FullMethodName: audited,
		authnv1.InvitationService_ListInvitations_FullMethodName:   operator,
		authnv1.InvitationService_RevokeInvitation_FullMethodName:  audited,
	}
}
