// Package score decides what signals demand of a sign-in. Its answer has two parts.
//
// The gate comes from the origin alone and is applied before any password is hashed: open, challenge or block. Since it
// can't read anything about an account, what an outsider sees of it doesn't depend on whether the account exists.
//
// The verdict comes from the account and is applied after the password was right: allow, verify the device or refuse. Each
// signal has a cap in the policy, the most that it may demand; the verdict is the highest demand of all, so a signal can
// raise it and none can lower it. authn adds its own demands and lowers nothing either.
//
// Everything here is pure: the same policy and facts give the same decision, today or when it is replayed. risk's flow calls
// Decide, and records what it returns.
package score
