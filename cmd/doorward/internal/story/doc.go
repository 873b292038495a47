// Package story plays Doorward's story against a running suite, as the outsiders in it would: an application's backend, a user and a
// stranger with browsers, a mailbox, and a service that is guarded by the SDK. It uses what they could use and nothing else: the SDK, the
// inbox's JSON, the portal's pages, the events.
//
//  1. A user signs up; a code comes by mail; the device is trusted.
//  2. The user signs in again on it: password only.
//  3. A stranger with the password signs in elsewhere: a code goes to the owner.
//  4. The stranger has the mailbox too, and passes; the owner is alerted.
//  5. The alert's link is opened, asked for and submitted as it came: nothing changes.
//  6. The owner answers "this wasn't me".
//  7. The guarded service refuses the stranger's token, long before it expires. The stranger can't come back, the owner can.
//
// `doorward demo` and the end-to-end test call it. It fails at the first step that isn't as told.
package story
