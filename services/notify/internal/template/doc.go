// Package template writes the mails notify sends: a code, the alert of a sign-in
// on a new device, the confirmation of a containment, word of a sign-up with
// a taken address, and an invitation. Each is a text and an HTML body of the same words, from files
// that are part of the binary.
//
// It owns the words and their form. It sends nothing, decides nothing about who
// gets a mail, and keeps no secret: the code, the token and the link pass through.
//
// What it is given may come from a stranger (a device's name, a place), so each
// value is brought to one short line before it meets a template, and
// html/template escapes it after. A mail loads nothing from anywhere, and
// its subject never varies: subjects show on locked screens.
//
// Its caller is notify's flow package. Mails are looked up by language
// tag; English is the only language so far and the answer to every other tag.
package template
